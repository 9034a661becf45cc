create or replace function ingest_reset_manifest(p_request uuid) returns void
language sql set search_path from current
as $$
  delete from ingest_revisions r where r.request_id = p_request;
  delete from ingest_batches b where b.request_id = p_request;
$$;

comment on function ingest_reset_manifest(uuid) is 'Drops a manifest that was not completed, before it is written anew.';
