comment on column ingest.ingest_batches.request_id is 'Its request.';
comment on column ingest.ingest_batches.batch is 'Its number in the request.';
comment on column ingest.ingest_batches.documents is 'Its documents, with those inside of others.';
comment on column ingest.ingest_batches.bytes is 'Bytes of its documents, as discovery found them; 0: unknown.';
comment on column ingest.ingest_batches.chunks is 'Chunks of its documents so far.';
comment on column ingest.ingest_batches.chunks_embedded is 'Of these, chunks whose vectors are stored.';
comment on column ingest.ingest_batches.step is 'The step whose results were written last. Null: none yet.';
comment on column ingest.ingest_batches.owner is
  'System: token of the execution that may write. Each execution takes a new one, so a replaced execution changes nothing.';
comment on column ingest.ingest_batches.executor_id is 'The listener that carries it, or carried it last. Null: none yet.';
comment on column ingest.ingest_batches.crashes is 'Listeners that died over it without progress.';
comment on column ingest.ingest_batches.last_error is 'Why its step is being repeated or waits: code, message, hint, step, retryable. Null: no error.';
comment on column ingest.ingest_batches.next_attempt_at is 'When the step is tried again after last_error. Null: it is not waiting.';
comment on column ingest.ingest_batches.finished_at is 'When it ended. Null: not yet.';
comment on column ingest.ingest_batches.tokens is 'Tokens that the embedding service counted for it.';
comment on column ingest.ingest_batches.mark is 'System: its progress when the present owner took it, to tell a crash with progress from one without.';
comment on column ingest.ingest_batches.alone is 'System: the revision that is tried alone after too many crashes without progress. Null: none.';
comment on column ingest.ingest_batches.texts is 'Texts that were sent to the embedder.';
comment on column ingest.ingest_batches.resume_at is
  'Set while it is parked because a service is away; the earliest time at which that is asked again. Null: not parked.';
comment on column ingest.ingest_batches.waiting_since is 'The first failure of a service since it last made progress. Null: none.';
comment on column ingest.ingest_batches.done is 'Documents that are published. Null: not counted yet.';
comment on column ingest.ingest_batches.skipped is 'Documents that are skipped. Null: not counted yet.';
comment on column ingest.ingest_batches.failed is 'Documents that failed. Null: not counted yet.';
comment on column ingest.ingest_batches.remaining is
  'Work left, in documents: a found document counts as 1, later the share of its steps to come. Falls only, within an attempt. Null: not counted yet.';
comment on column ingest.ingest_batches.remaining_embedded is 'System: what remaining will be when everything that is chunked is embedded.';
comment on column ingest.ingest_batches.begun_at is 'When its owner began, or went on after a wait: its speed counts from here. Null: not begun.';
comment on column ingest.ingest_batches.begun_remaining is 'System: what remaining was then.';
comment on column ingest.ingest_batches.moved_at is 'When remaining last fell. Null: not yet.';
comment on column ingest.ingest_batches.loaded is 'Documents that are read and not embedded yet. Null: not counted yet.';
comment on column ingest.ingest_batches.embedded is 'Documents that are embedded and not live yet. Null: not counted yet.';
comment on column ingest.ingest_batches.waits_for is
  'The service that it waits for, or waited for last: an embedding service or a source. Null: it has not waited.';
