create type ingest.ingest_fence_v1 as (
  requests uuid[],
  batch int,
  owner uuid
);

comment on type ingest.ingest_fence_v1 is
  'Which execution writes, and for what: the batch of that number of each of these requests, and the owner''s token.';
