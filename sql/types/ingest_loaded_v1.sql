create type ingest.ingest_loaded_v1 as (
  revision bigint,
  read_seq bigint,
  hash bytea,
  bytes bigint,
  text text,
  title text,
  media_type text,
  metadata jsonb,
  pages int[],
  error jsonb,
  part text,
  version text,
  modified_at timestamptz
);

comment on type ingest.ingest_loaded_v1 is
  'What the load step found out about a revision: a text or an error. part: the URI of a document inside of that one.';
