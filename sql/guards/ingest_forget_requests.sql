create or replace function ingest.ingest_forget_requests() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Live documents outlive the request that brought them.
begin
  -- Batches first: that waits for a write of chunks that is still open, which the next statement then sees.
  delete from ingest.ingest_batches b using deleted d where b.request_id = d.id;
  delete from ingest.ingest_revisions r using deleted d
  where r.request_id = d.id and not exists (select from ingest.ingest_documents l where l.revision_id = r.id);
  delete from ingest.ingest_containers k using deleted d where k.request_id = d.id;
  delete from ingest.ingest_seen s using deleted d where s.request_id = d.id;
  insert into ingest.ingest_left_workflows (request_id) select d.id from deleted d on conflict do nothing;
  delete from ingest.ingest_planned_texts t using deleted d where t.request_id = d.id;
  delete from ingest.ingest_spent s using deleted d where s.scope = 'request' and s.name = d.id::text;
  update ingest.ingest_commands k set arguments = '{}' from deleted d where k.request_id = d.id and k.arguments <> '{}';
  delete from ingest.ingest_archives a using deleted d where a.request_id = d.id;
  return null;
end
$$;

comment on function ingest.ingest_forget_requests() is 'Deletes the manifests of deleted requests; a listener then has DBOS delete their workflows.';
