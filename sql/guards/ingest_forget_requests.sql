create or replace function ingest_forget_requests() returns trigger
language plpgsql set search_path from current
as $$
-- What is live outlives the request that brought it.
begin
  -- Batches first: that waits for a write of chunks that is still open, which the next statement then sees.
  delete from ingest_batches b using deleted d where b.request_id = d.id;
  delete from ingest_revisions r using deleted d
  where r.request_id = d.id and not exists (select from ingest_documents l where l.revision_id = r.id);
  delete from ingest_containers k using deleted d where k.request_id = d.id;
  return null;
end
$$;

comment on function ingest_forget_requests() is 'Deletes the manifests of deleted requests.';
