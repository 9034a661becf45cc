create or replace function ingest.ingest_language_config(p_metadata jsonb, p_otherwise regconfig) returns regconfig
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(max(t.oid), p_otherwise)::regconfig
  from (values
    ('arabic', '{ar,ara}'::text[]), ('armenian', '{hy,hye,arm}'), ('basque', '{eu,eus,baq}'), ('catalan', '{ca,cat}'), ('danish', '{da,dan}'),
    ('dutch', '{nl,nld,dut}'), ('english', '{en,eng}'), ('estonian', '{et,est}'), ('finnish', '{fi,fin}'), ('french', '{fr,fra,fre}'),
    ('german', '{de,deu,ger}'), ('greek', '{el,ell,gre}'), ('hindi', '{hi,hin}'), ('hungarian', '{hu,hun}'), ('indonesian', '{id,ind}'),
    ('irish', '{ga,gle}'), ('italian', '{it,ita}'), ('lithuanian', '{lt,lit}'), ('nepali', '{ne,nep}'), ('norwegian', '{no,nb,nn,nor,nob,nno}'),
    ('portuguese', '{pt,por}'), ('romanian', '{ro,ron,rum}'), ('russian', '{ru,rus}'), ('serbian', '{sr,srp}'), ('spanish', '{es,spa}'),
    ('swedish', '{sv,swe}'), ('tamil', '{ta,tam}'), ('turkish', '{tr,tur}'), ('yiddish', '{yi,yid}'),
    ('simple', '{zh,zho,chi,ja,jpn,ko,kor,th,tha,lo,lao,my,mya,bur,km,khm}')
  ) as l (config, codes)
  join pg_ts_config t on t.cfgname = l.config and t.cfgnamespace = 'pg_catalog'::regnamespace
  cross join lateral (select lower(substring(coalesce(p_metadata ->> 'language', p_metadata ->> 'lang') from '^ *([A-Za-z]{2,12}) *(?:[-_.;,@]|$)'))) as said (language)
  where said.language = any (l.codes) or said.language = l.config;
$$;

comment on function ingest.ingest_language_config(jsonb, regconfig) is
  'The server''s configuration for the language that metadata name (language, or lang: de, de-AT, deu, german); the other one where they name none that it knows.';
