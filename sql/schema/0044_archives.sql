-- An archive in the state in which all of its members were read is not opened again.
create table ingest.ingest_archives (
  key bytea not null,
  request_id uuid not null,
  uri text not null,
  state text not null,
  options bytea not null,
  members int not null,
  constraint ingest_archives_pkey primary key (key)
);

create index ingest_archives_request_idx on ingest.ingest_archives (request_id);

alter table ingest.ingest_archives enable row level security;

comment on table ingest.ingest_archives is 'Archives that a look has opened and listed to the end, by collection and source: the last look of each.';
comment on column ingest.ingest_archives.key is 'A digest of collection, source and URI.';
comment on column ingest.ingest_archives.request_id is 'The request that opened it; it goes with that one.';
comment on column ingest.ingest_archives.uri is 'Its URI; its members'' begin with that and #.';
comment on column ingest.ingest_archives.state is 'What its source told of it: version, time, size.';
comment on column ingest.ingest_archives.options is 'A digest of the request''s options and metadata.';
comment on column ingest.ingest_archives.members is 'How many documents it listed.';
