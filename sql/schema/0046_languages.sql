-- Documents in several languages in one collection, each by the words of its own.

alter table ingest.ingest_collections add column by_language boolean not null default false;

comment on column ingest.ingest_collections.by_language is
  'Whether a document whose language is known has the configuration of that language; text_config is for the others.';

create table ingest.ingest_collection_configs (
  collection text not null,
  text_config regconfig not null,
  constraint ingest_collection_configs_pkey primary key (collection, text_config),
  constraint collection_exists foreign key (collection) references ingest.ingest_collections (name) on delete cascade on update cascade
);

alter table ingest.ingest_collection_configs enable row level security;

comment on table ingest.ingest_collection_configs is
  'Under which configurations a collection by language has had chunks, so that a query is read under each of them.';
comment on column ingest.ingest_collection_configs.text_config is 'A configuration of the server''s, as ingest_language_config chose it.';
