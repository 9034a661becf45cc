create table ingest.ingest_collections (
  name text not null,
  space_id int,
  chunk_size int not null default 1000,
  chunk_overlap int not null default 100,
  embedding_template text not null default E'{title}\n{heading_path}\n\n{text}',
  passage_prefix text not null default '',
  query_prefix text not null default '',
  text_config regconfig not null default 'english',
  max_running int,
  limited boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint ingest_collections_pkey primary key (name),
  constraint space_exists foreign key (space_id) references ingest.ingest_spaces (id),
  constraint name_is_1_to_48_bytes check (octet_length(name) between 1 and 48),
  constraint name_has_no_control_characters check (name !~ '[[:cntrl:]]'),
  constraint chunk_size_is_50_to_20000 check (chunk_size between 50 and 20000),
  constraint chunk_overlap_is_at_most_half_the_size check (chunk_overlap between 0 and chunk_size / 2),
  constraint max_running_is_positive check (max_running > 0),
  constraint a_maximum_needs_the_limited_lane check (max_running is null or limited)
);

comment on table ingest.ingest_collections is
  'Collections of documents. Made with the defaults at first use; made and changed with ingest_collection(name, settings).';
comment on column ingest.ingest_collections.space_id is
  'The live embedding space. Null until a listener reads the first request: then the listener''s defaults.';
comment on column ingest.ingest_collections.chunk_size is 'Most characters in a chunk.';
comment on column ingest.ingest_collections.chunk_overlap is 'Characters that a chunk repeats of the one before it.';
comment on column ingest.ingest_collections.embedding_template is
  'What is embedded: {title}, {heading_path} and {text} of a chunk, after passage_prefix.';
comment on column ingest.ingest_collections.text_config is 'Text search configuration of full-text search.';
comment on column ingest.ingest_collections.max_running is 'Most requests of this collection that run at a time; null: no limit.';
comment on column ingest.ingest_collections.limited is
  'Whether its requests wait in the lane that the limit is looked up for. Stays true once a limit was set.';

insert into ingest.ingest_collections (name) values ('default');
