create or replace function ingest.ingest_add_up(p_one jsonb, p_other jsonb) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_object_agg(s.key, s.sum), '{}')
  from (select e.key, sum(e.value::bigint) as sum
        from (select * from jsonb_each_text(p_one) union all select * from jsonb_each_text(p_other)) e group by e.key) s;
$$;

comment on function ingest.ingest_add_up(jsonb, jsonb) is 'Two objects of counts as one.';
