create or replace function ingest.ingest_refuse_queries(p_space int, p_hashes bytea[], p_error jsonb) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select set_config('synchronous_commit', 'off', true);  -- of a cache; nobody need wait for the disk
  update ingest.ingest_questions q set error = p_error, text = null, claimed_until = null, wanted_until = ingest.ingest_now()
  from (
    select o.id from ingest.ingest_questions o
    where o.space_id = p_space and o.hash = any (p_hashes) and o.text is not null for update skip locked
  ) open
  where q.id = open.id;
$$;

comment on function ingest.ingest_refuse_queries(int, bytea[], jsonb) is
  'Tells those who wait for these queries why they can''t be embedded. Waits for no lock.';
