-- Without a number of its own, a collection has as many candidates as its size asks for (ingest_index_candidates).
alter table ingest.ingest_collections
  -- squawk-ignore ban-drop-not-null
  alter column index_ef_construction drop not null,
  -- squawk-ignore ban-drop-default
  alter column index_ef_construction drop default;

update ingest.ingest_collections set index_ef_construction = null where index_ef_construction = 64;
