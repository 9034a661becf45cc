create or replace function ingest.ingest_end(p_request uuid, p_executor text, p_attempt int, p_status text, p_error jsonb) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- An execution of an earlier attempt may not know yet that it was stopped.
begin
  perform from ingest.ingest_requests r
  where r.id = p_request and (p_executor is null or r.executor_id = p_executor) and (p_attempt is null or r.attempt = p_attempt)
  for no key update;
  return case when found then ingest.ingest_settle(p_request, p_status, p_error) end;
end
$$;

comment on function ingest.ingest_end(uuid, text, int, text, jsonb) is
  'ingest_settle, by a listener that runs that attempt; null, and nothing happens, if it does not (any more).';
