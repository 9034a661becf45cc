create type ingest.ingest_scope_v1 as (
  collections text[],
  uri text,
  under text,
  asked_at timestamptz,
  began_at timestamptz,
  keeps_out boolean,
  let_back jsonb
);

comment on type ingest.ingest_scope_v1 is
  'What is to be forgotten in some collections: a document by its URI, with what lies inside of it; documents under a prefix; neither: everything. '
  'asked_at: only what began until then; began_at: and not with the order itself; null: all that is there. let_back: without these, by collection.';
