create or replace function ingest.ingest_wanted_each(p_wanted ingest.ingest_wanted_v1) returns ingest.ingest_wanted_v1[]
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_asked ingest.ingest_wanted_v1 := ingest.ingest_check_wanted(p_wanted);
  v_one ingest.ingest_wanted_v1;
  v_each ingest.ingest_wanted_v1[] := '{}';
  v_name text;
begin
  for v_name in select distinct c.name from unnest(v_asked.collections) as c (name) order by 1 loop
    v_one := v_asked;
    v_one.collection := v_name;
    v_one.principals := ingest.ingest_search_principals(v_name, v_asked.principals);
    if v_asked.embedding is null and v_asked.way is distinct from 'words' then
      v_one.embedding := ingest.ingest_query_embedding(v_asked.query, v_name);
    end if;
    perform ingest.ingest_search_config(v_name);
    continue when v_asked.way = 'vector' and v_one.embedding is null and exists (
      select from ingest.ingest_collections c where c.name = v_name and c.space_id is null);  -- nothing is there yet
    if v_asked.way = 'vector' and v_one.embedding is null and v_asked.query is null then
      raise exception 'the vector is null'
        using errcode = 'IG035', constraint = 'query_not_embedded',
              hint = 'A subselect that finds no row gives null. Give a vector, or a text that was embedded.';
    elsif v_asked.way = 'vector' and v_one.embedding is null then
      raise exception 'the vector of this query is not known'
        using errcode = 'IG035', constraint = 'query_not_embedded',
              hint = format('First: call ingest_embed_query(%L, %L);', v_asked.query, v_name);
    end if;
    v_each := v_each || v_one;
  end loop;
  return v_each;
end
$$;

comment on function ingest.ingest_wanted_each(ingest.ingest_wanted_v1) is
  'What is wanted of each collection: for whom, and by which vector. IG014, IG035, IG040 where it can''t be had.';
