create or replace function ingest.ingest_has_own_policies() returns boolean
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from pg_policy p
    where p.polrelid in ('ingest.ingest_documents'::regclass, 'ingest.ingest_chunk_store'::regclass)
      and (p.polrelid, p.polname) not in (  -- ours: a test knows if one is missing
        ('ingest.ingest_documents'::regclass, 'searchers_see_theirs'),
        ('ingest.ingest_documents'::regclass, 'operators_see_all'),
        ('ingest.ingest_documents'::regclass, 'operators_delete_all'),
        ('ingest.ingest_chunk_store'::regclass, 'who_sees_the_document_sees_the_live_ones')));
$$;

comment on function ingest.ingest_has_own_policies() is
  'Whether an administrator has made policies of his own on documents or chunks: then they decide, too, what is seen.';
