create or replace function ingest.ingest_skip_replaced(p_request uuid, p_batch int) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  -- What took its place stands in the new generation: nothing is published that does not.
  update ingest.ingest_revisions v set state = 'skipped', reason = 'superseded', text = null
  where v.request_id = p_request and v.batch = p_batch and v.stands_for is not null and v.state in ('loaded', 'chunked', 'embedded')
    and not exists (select from ingest.ingest_documents d where d.revision_id = v.stands_for);
$$;

comment on function ingest.ingest_skip_replaced(uuid, int) is 'Skips what stands for documents that were replaced or deleted since they were listed.';
