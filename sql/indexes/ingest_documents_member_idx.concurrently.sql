-- Members of an archive, by a digest of the archive's URI: equal keys of one archive take hardly any room.
-- squawk-ignore prefer-robust-stmts
create index concurrently ingest_documents_member_idx on ingest.ingest_documents (collection, hashtextextended(split_part(uri, '#', 1), 0))
where position('#' in uri) > 0;
