create or replace function ingest.ingest_search_config(p_collection text) returns regconfig
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_config regconfig;
begin
  select c.text_config into v_config from ingest.ingest_collections c where c.name = p_collection;
  if not found then
    raise exception 'there is no collection "%"', p_collection
      using errcode = 'IG014', constraint = 'unknown_collection', hint = 'See select name from ingest_collections.';
  end if;
  return v_config;
end
$$;

comment on function ingest.ingest_search_config(text) is 'Text search configuration of a collection; IG014 if there is none of that name.';
