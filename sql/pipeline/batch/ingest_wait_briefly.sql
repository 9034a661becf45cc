create or replace function ingest.ingest_wait_briefly(p_requests uuid[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- A session that controls many requests in one statement locks them in any order. So a batch that several requests share gives its
-- locks up (55P03: try again) before Postgres looks for deadlocks, and never is the cause of one.
begin
  if cardinality(p_requests) > 1 then
    perform set_config('lock_timeout', '200ms', true);
  end if;
end
$$;

comment on function ingest.ingest_wait_briefly(uuid[]) is 'Lets this transaction wait for locks 0.2 s at most, if it holds those of several requests.';
