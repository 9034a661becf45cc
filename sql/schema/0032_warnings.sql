-- What of a document its text lacks, where only a part of it could be read.
alter table ingest.ingest_revisions add column warning jsonb;

comment on column ingest.ingest_revisions.warning is
  'That only a part of the document could be read: code, message and hint as in error. What could be read is published.';
