create or replace function ingest.ingest_has_index_work() returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform ingest.ingest_count_chunks(false);
  -- While one is being built, another session does all the work.
  return not exists (select from ingest.ingest_plan_indexes() p where p.state = 'building')
    and (exists (select from ingest.ingest_plan_indexes() p where p.todo is not null) or exists (
    select from ingest.ingest_made_indexes() m
    where m.is_ours and not exists (select from ingest.ingest_index_store s where m.name in (s.name, s.building))));
end
$$;

comment on function ingest.ingest_has_index_work() is 'Whether maintenance of indexes has something to do; chunks are counted first, if it is time.';
