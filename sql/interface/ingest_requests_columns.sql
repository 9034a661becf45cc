comment on column ingest.ingest_requests.id is 'Also the id of the DBOS workflow. An id that was ever used never runs again.';
comment on column ingest.ingest_requests.source is
  'What to ingest: an absolute path of a file or folder, a glob, or a URL, as the listener''s host sees it. Null: inline content.';
comment on column ingest.ingest_requests.content is 'The document itself, as text; instead of source.';
comment on column ingest.ingest_requests.content_bytes is 'The document itself, as bytes; instead of source.';
comment on column ingest.ingest_requests.media_type is 'Media type of content or content_bytes, charset allowed. Null: detected.';
comment on column ingest.ingest_requests.uri is 'Name of the inline document in its collection. Null: the request''s id.';
comment on column ingest.ingest_requests.collection is 'The collection that receives the documents; created when its first request starts.';
comment on column ingest.ingest_requests.options is 'A JSON object; see select * from ingest_options().';
comment on column ingest.ingest_requests.metadata is 'A JSON object stored with each chunk, for filters.';
comment on column ingest.ingest_requests.priority is
  'Lower runs first. Among equals, submitters and their collections take turns; within a collection, the oldest goes first.';
comment on column ingest.ingest_requests.run_at is 'The earliest time at which the request may start.';
comment on column ingest.ingest_requests.dedupe_key is 'Unique among the unfinished requests of its submitter in a collection. Null: no check.';
comment on column ingest.ingest_requests.status is 'pending, running, succeeded, partially_succeeded, failed or cancelled.';
comment on column ingest.ingest_requests.error is 'Why it did not succeed: code, message, hint, step, retryable. Null: no error.';
comment on column ingest.ingest_requests.documents_total is
  'Documents in all, with those inside of others. Null until it ends; ingest_status shows running requests.';
comment on column ingest.ingest_requests.documents_done is 'Documents published. Null until it ends.';
comment on column ingest.ingest_requests.documents_skipped is 'Documents skipped, unchanged ones included. Null until it ends.';
comment on column ingest.ingest_requests.documents_failed is 'Documents that failed. Null until it ends.';
comment on column ingest.ingest_requests.chunks_total is 'Chunks of its documents. Null until it ends.';
comment on column ingest.ingest_requests.attempt is 'How often it was started.';
comment on column ingest.ingest_requests.executor_id is 'The listener that runs it, or ran it last. Null: not started.';
comment on column ingest.ingest_requests.deadline_at is 'When it is cancelled if still running (option timeout_seconds). Null: no limit.';
comment on column ingest.ingest_requests.settings is 'The collection''s settings when it started. Null: not started.';
comment on column ingest.ingest_requests.forked_from is 'The request that this one is a fork of. Null: not a fork.';
comment on column ingest.ingest_requests.created_by is 'The role that inserted it (current_user).';
comment on column ingest.ingest_requests.created_at is 'When it was inserted.';
comment on column ingest.ingest_requests.started_at is 'When a listener claimed it last. Null: it waits.';
comment on column ingest.ingest_requests.discovered_at is 'When all its documents were found. Null: not yet.';
comment on column ingest.ingest_requests.finished_at is 'When it ended. Null: pending or running.';
comment on column ingest.ingest_requests.due is 'System: run_at has passed.';
comment on column ingest.ingest_requests.limited is 'System: its collection or submitter has a limit of running requests.';
comment on column ingest.ingest_requests.local_path is 'System: same as locator; for listeners of the former release.';
comment on column ingest.ingest_requests.read_seq is 'System: the reading number of inline content; a newer reading wins.';
comment on column ingest.ingest_requests.tokens is 'Tokens that the embedding service counted. Null until it ends.';
comment on column ingest.ingest_requests.begun is 'System: the last attempt whose workflow has begun; less than attempt while it starts.';
comment on column ingest.ingest_requests.crashes is 'System: listeners that died during its discovery.';
comment on column ingest.ingest_requests.fork_step is 'The step at which a fork starts. Null: not a fork.';
comment on column ingest.ingest_requests.submitted_by is
  'The role that inserted it: the one set with SET ROLE, otherwise the session''s. Its rights and limits count.';
comment on column ingest.ingest_requests.locator is
  'System: where the source lies, a path or a URL; only a listener with a root above it claims it. Null: inline content.';
comment on column ingest.ingest_requests.documents_unchanged is
  'Documents that discovery found unchanged; they have no row in ingest_revisions. Null: not counted yet.';
comment on column ingest.ingest_requests.resume_at is
  'System: set while it is parked because a service is away; the earliest time at which that is asked again. Null: not parked.';
comment on column ingest.ingest_requests.documents_found is
  'Documents found by discovery so far, without those inside of others. Null: discovery has not begun.';
comment on column ingest.ingest_requests.duplicates is 'System: URIs that the manifest lists more than once.';
comment on column ingest.ingest_requests.refused is 'System: documents that failed in discovery and are in no batch.';
comment on column ingest.ingest_requests.percent is 'How far it had come when it ended, 0 to 100. Null: not ended, or its documents were never found.';
comment on column ingest.ingest_requests.listing is 'System: how far discovery has come: cursor, read_seq, complete, page, position, batch, documents, bytes, note, batches.';
comment on column ingest.ingest_requests.documents_deleted is 'Documents deleted because the source no longer has them (option mirror). Null: not applicable.';
comment on column ingest.ingest_requests.watch is 'System: the watch that submitted it (ingest_watches). Null: none.';
comment on column ingest.ingest_requests.outage is
  'System: the source that discovery waits for, or waited for last: service, code, message, hint, since. Null: it has not waited.';
