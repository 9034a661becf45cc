create or replace function ingest.ingest_end_index(p_name text, p_error text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_made record;
begin
  select m.* into v_made from ingest.ingest_made_indexes() m where m.name = p_name;
  update ingest.ingest_index_store s
  set failures = s.failures + 1, failed_at = ingest.ingest_now(), last_error = p_error, building = case when v_made.name is not null then s.building end
  where p_error is not null and p_name in (s.name, s.building);
  -- Valid: it takes the place of the one before, which nobody has any more and which is dropped next.
  update ingest.ingest_index_store s
  set name = s.building, building = null, built_at = ingest.ingest_now(), took = ingest.ingest_now() - s.began_at, rows_built = v_made.rows, bytes_built = v_made.bytes,
      failures = 0, failed_at = null, last_error = null, wanted_since = null
  where p_error is null and s.building = p_name and v_made.is_valid;
  if p_error is null then
    perform ingest.ingest_renew_chunks_view(p_name);
    perform ingest.ingest_switch_due(null::uuid);
  end if;
  -- Dropped: one that was in use, or what a builder left that died before it could say why.
  update ingest.ingest_index_store s
  set name = null, wanted_since = ingest.ingest_now()
  where p_error is null and v_made.name is null and s.name = p_name;
  update ingest.ingest_index_store s
  set building = null, failures = s.failures + t.died::int, failed_at = case when t.died then ingest.ingest_now() else s.failed_at end,
      last_error = case when t.died then 'its builder died' else s.last_error end
  from (select f.building, coalesce(f.failed_at < f.began_at, true) as died from ingest.ingest_index_store f) t
  where p_error is null and v_made.name is null and s.building = p_name and t.building = p_name;
end
$$;

comment on function ingest.ingest_end_index(text, text) is 'Records the result of building or dropping an index: why it failed, or null.';
