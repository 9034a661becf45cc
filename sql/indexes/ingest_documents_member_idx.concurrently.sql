-- What lies inside of an archive, by a digest of the archive's URI: of the same archive, equal keys take next to no room.
-- squawk-ignore prefer-robust-stmts
create index concurrently ingest_documents_member_idx on ingest.ingest_documents (collection, hashtextextended(split_part(uri, '#', 1), 0))
where position('#' in uri) > 0;
