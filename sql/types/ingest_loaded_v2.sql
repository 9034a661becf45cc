create type ingest.ingest_loaded_v2 as (
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
  modified_at timestamptz,
  read_seconds real,
  parse_seconds real
);

comment on type ingest.ingest_loaded_v2 is
  'What the load step found out about a revision: a text or an error, and how long it took. part: the URI of a document inside of that one.';
