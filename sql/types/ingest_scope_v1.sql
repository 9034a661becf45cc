create type ingest.ingest_scope_v1 as (
  collections text[],
  uri text,
  under text
);

comment on type ingest.ingest_scope_v1 is
  'What is to be forgotten in some collections: a document by its URI, with what lies inside of it; documents under a prefix; neither: everything.';
