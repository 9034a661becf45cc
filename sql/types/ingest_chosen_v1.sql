create type ingest.ingest_chosen_v1 as (
  rank int,
  ordinal int,
  start_char int,
  end_char int
);

comment on type ingest.ingest_chosen_v1 is
  'What of a document goes into a prompt: the place of its best hit, its first chunk, and its characters.';
