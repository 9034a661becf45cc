create or replace function ingest.ingest_add_counts(p_names text[], p_labels text[], p_values float8[]) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  -- In one order, so that two listeners wait for each other and never in a circle.
  insert into ingest.ingest_counts as k (name, label, value)
  select n.name, n.label, n.value from unnest(p_names, p_labels, p_values) as n (name, label, value)
  where n.value > 0 and n.value < 'infinity'::float8
  order by n.name, n.label
  on conflict (name, label) do update set value = k.value + excluded.value;
$$;

comment on function ingest.ingest_add_counts(text[], text[], float8[]) is 'Adds what a listener counted since it last did. Each name and label once.';
