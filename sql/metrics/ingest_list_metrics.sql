create or replace function ingest.ingest_list_metrics() returns table (name text, kind text, labels jsonb, value float8, help text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if not (ingest.ingest_may('listen'::text, ''::text) or pg_has_role(ingest.ingest_caller(), 'pg_monitor'::name, 'USAGE'::text)) then
    perform ingest.ingest_require('operate'::text, ''::text);
  end if;
  return query
    with measured as (
      select q.name, q.label, q.value from ingest.ingest_queue_metrics() q
      union all select s.name, s.label, s.value from ingest.ingest_state_metrics() s
      -- A counter begins at 0, so that its first rise is seen; what is not known by its label is left out.
      union all
      select k.name, v.label, coalesce(c.value, 0)
      from ingest.ingest_metric_kinds() k cross join lateral unnest(coalesce(k.known, array[null::text])) as v (label)
      left join ingest.ingest_counts c on 'ingest_' || c.name || '_total' = k.name and c.label = coalesce(v.label, '')
      where k.kind = 'counter'
    )
    select k.name, k.kind, case when m.label is null then '{}'::jsonb else jsonb_build_object(k.label, m.label) end, m.value, k.help
    from ingest.ingest_metric_kinds() k join measured m on m.name = k.name
    order by k.name, m.label;
end
$$;

comment on function ingest.ingest_list_metrics() is
  'The figures of the installation, for who operates all of it, listeners, and members of pg_monitor that it was granted to; raises IG040 for others.';
