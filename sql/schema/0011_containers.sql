-- Documents that lie inside of others: records of a JSON Lines or CSV file, attachments of an e-mail.
create table ingest.ingest_containers (
  request_id uuid not null,
  container int not null,
  path text,
  format jsonb not null,
  constraint ingest_containers_pkey primary key (request_id, container)
);

comment on table ingest.ingest_containers is 'Files of a request each record of which is a document.';
comment on column ingest.ingest_containers.path is 'Where the file lies; null: the records are the request''s own content.';
comment on column ingest.ingest_containers.format is 'How a record is read: its kind, and what the file''s beginning says about all of them.';

-- Not valid: the new columns are null in the rows that are there, and the wider list of reasons has theirs in it.
alter table ingest.ingest_revisions
  add column container int,
  add column range_start bigint,
  add column range_hash bytea,
  add column line int,
  add column parent_id bigint,
  add column pages int[],
  add constraint a_record_has_a_place check ((container is null) = (range_start is null)) not valid,
  -- squawk-ignore ban-drop-constraint
  drop constraint reason_is_known,
  add constraint reason_is_known check (reason in ('unchanged', 'superseded', 'duplicate', 'deleted', 'unsupported')) not valid;

-- Its column is new, so it is empty: a scan without a sort, below a second for a million rows.
-- squawk-ignore require-concurrent-index-creation
create index ingest_revisions_parent_idx on ingest.ingest_revisions (parent_id) where parent_id is not null;

comment on column ingest.ingest_revisions.container is 'The file that it is a record of, in ingest_containers.';
comment on column ingest.ingest_revisions.range_start is 'Where the record begins in that file, in bytes.';
comment on column ingest.ingest_revisions.range_hash is 'SHA-256 of the record''s bytes, as discovery saw them.';
comment on column ingest.ingest_revisions.line is 'The record''s line in that file, from 1.';
comment on column ingest.ingest_revisions.parent_id is 'The revision of the document that it is a part of, as an attachment is of an e-mail.';
comment on column ingest.ingest_revisions.reason is
  'Why it was skipped: unchanged, superseded, duplicate, deleted, or a part of a format that can''t be read (unsupported).';
comment on column ingest.ingest_revisions.pages is 'Where in text its pages begin, in characters, the first page first.';
