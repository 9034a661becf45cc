create or replace function ingest.ingest_reopen_failed(p_request uuid) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_extra int := (select coalesce(max(b.batch), 0) + 1 from ingest.ingest_batches b where b.request_id = p_request);
begin
  -- What discovery refused was in no batch. Its locator or URI says where it lies; one that is too long was cut and
  -- leads nowhere. A file of records would come back as one document.
  with refused as (
    update ingest.ingest_revisions v
    set state = 'discovered', error = null, read_seq = r.read_seq, batch = v_extra, locator = coalesce(v.locator, v.uri)
    from ingest.ingest_requests r
    where r.id = p_request and r.source is not null and not r.options ? 'record'
      and v.request_id = p_request and v.state = 'failed' and v.batch is null and v.container is null
      and coalesce(v.locator, v.uri) ~ '^(/|[A-Za-z][A-Za-z0-9+.-]+:/)' and (v.locator is not null or v.uri !~ '#')
      and v.error ->> 'code' <> 'uri_too_long'
    returning v.id)
  insert into ingest.ingest_batches (request_id, batch, documents)
  select p_request, v_extra, count(*) from refused having count(*) > 0;
  -- Each goes back to the state before the step that failed. Reading again takes a new number of reading.
  update ingest.ingest_revisions v
  set error = null,
      state = case v.error ->> 'step' when 'embed' then 'chunked' when 'chunk' then 'loaded' else case when v.stands_for is null then 'discovered' else 'loaded' end end,
      read_seq = case when v.error ->> 'step' in ('embed', 'chunk') or v.stands_for is not null then v.read_seq else r.read_seq end
  from ingest.ingest_requests r
  where r.id = p_request and v.request_id = p_request and v.state = 'failed' and v.batch is not null
    and v.error ->> 'code' <> 'too_many_parts';
end
$$;

comment on function ingest.ingest_reopen_failed(uuid) is 'failed → the state before the step that failed, for all documents of a request.';
