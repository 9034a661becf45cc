-- Who asks for a page by its title gets it, however common the title's words are.
-- squawk-ignore prefer-robust-stmts
create index concurrently ingest_documents_title_idx on ingest.ingest_documents (collection, lower(left(title, 200))) where title is not null;
