-- How long each step took with a document, and how many documents of a batch are how far. Null in rows that are there.
lock table ingest.ingest_batches, ingest.ingest_revisions in access exclusive mode;

alter table ingest.ingest_batches
  add column loaded int,
  add column embedded int;

comment on column ingest.ingest_batches.loaded is 'Of its documents, those that are read and not embedded yet.';
comment on column ingest.ingest_batches.embedded is 'Of its documents, those that are embedded and not live yet.';

alter table ingest.ingest_revisions
  add column read_seconds real,
  add column parse_seconds real,
  add column embed_seconds real,
  add column failed_at timestamptz;

comment on column ingest.ingest_revisions.read_seconds is 'How long its source took to give its bytes.';
comment on column ingest.ingest_revisions.parse_seconds is 'How long it took to make text of them; of one that failed, until it did.';
comment on column ingest.ingest_revisions.embed_seconds is
  'From when its first text was sent, or its first vector looked up, until its last vector was stored; others were embedded meanwhile.';
comment on column ingest.ingest_revisions.failed_at is 'When it failed.';
