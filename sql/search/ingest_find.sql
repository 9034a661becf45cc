create or replace function ingest.ingest_find(p_wanted ingest.ingest_wanted_v1) returns setof ingest.ingest_hit_v2
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_each ingest.ingest_wanted_v1[];
  v_depth int;
begin
  v_each := ingest.ingest_wanted_each(p_wanted);
  if v_each[1].rerank then
    v_depth := v_each[1].k;
    for i in 1 .. cardinality(v_each) loop
      v_each[i].k := greatest(v_depth, ingest.ingest_most_reranked());
    end loop;
    return query select * from ingest.ingest_with_texts(array(
      select r from ingest.ingest_reranked(array(select h from ingest.ingest_find_any(v_each) h), p_wanted.query) r limit v_depth));
  else
    return query select * from ingest.ingest_with_texts(array(select h from ingest.ingest_find_any(v_each) h));
  end if;
end
$$;

comment on function ingest.ingest_find(ingest.ingest_wanted_v1) is
  'A search by a text or a vector, in collections that the caller may search; IG040 if it may not.';
