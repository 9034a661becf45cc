create or replace function ingest.ingest_lock_generations(p_collection text, p_changes boolean) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- In memory, not in the collection's row: publishing must not write there.
begin
  if p_changes then
    perform pg_advisory_xact_lock(ingest.ingest_lock_key('generations of ' || p_collection));
  else
    perform pg_advisory_xact_lock_shared(ingest.ingest_lock_key('generations of ' || p_collection));
  end if;
end
$$;

comment on function ingest.ingest_lock_generations(text, boolean) is
  'Lets nobody publish in a collection (p_changes: while a generation is added), or nobody add a generation (while something is published).';
