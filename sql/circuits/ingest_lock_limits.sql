create or replace function ingest.ingest_lock_limits(p_collection text, p_submitter text) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- As a claim locks them, in its order: the submitter's limit, then the collection.
begin
  if ingest.ingest_most_running(p_submitter) is not null then
    perform from ingest.ingest_limits l where l.role in (p_submitter::name, '') and l.max_running is not null
    order by l.role desc limit 1 for no key update skip locked;
    if not found then
      return false;
    end if;
  end if;
  perform from ingest.ingest_collections c where c.name = p_collection for no key update skip locked;
  return found;
end
$$;

comment on function ingest.ingest_lock_limits(text, text) is
  'Locks the limits of running requests of a submitter and a collection; false: another session has locked them.';
