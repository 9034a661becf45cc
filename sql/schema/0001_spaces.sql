create table ingest.ingest_spaces (
  id int generated always as identity,
  embedder text not null,
  endpoint text not null default '',
  model text not null,
  dimensions int not null,
  created_at timestamptz not null default now(),
  constraint ingest_spaces_pkey primary key (id),
  constraint a_space_is_stored_once unique (embedder, endpoint, model, dimensions),
  constraint dimensions_are_1_to_16000 check (dimensions between 1 and 16000)
);

comment on table ingest.ingest_spaces is
  'Embedding spaces. Vectors can be compared only within one: same embedder, endpoint, model and dimensions.';
