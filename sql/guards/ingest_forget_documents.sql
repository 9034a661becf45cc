create or replace function ingest.ingest_forget_documents() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- A reading that is under way is older than this DELETE: it must not bring the document back. The purge takes its chunks:
-- its embed step may still be writing some.
begin
  -- Forgetting has deleted readings itself, but not those that came after it was ordered.
  update ingest.ingest_revisions r set state = 'skipped', reason = 'deleted', text = null, replaced_at = ingest.ingest_now()
  from deleted d
  where r.collection = d.collection and r.uri = d.uri and r.state in ('loaded', 'chunked', 'embedded')
    and r.text is not null and r.document_id is null  -- true of these states; named for the index
    and current_setting('ingest.forgets', true) is distinct from statement_timestamp()::text
    -- What an own step drops is older than what was read later.
    and (r.read_seq < d.live_seq or current_setting('ingest.drops', true) is distinct from statement_timestamp()::text);
  delete from ingest.ingest_revisions r using deleted d where r.document_id = d.id;
  return null;
end
$$;

comment on function ingest.ingest_forget_documents() is 'Takes revisions along when documents are deleted.';
