create or replace function ingest.ingest_options() returns table (key text, type text, description text)
language sql immutable security definer set search_path = pg_catalog, pg_temp
as $$
  values
    ('include', 'string or array', 'Globs of the files in a folder to ingest, relative to it; without it, all.'),
    ('exclude', 'string or array', 'Globs of the files in a folder to skip.'),
    ('max_bytes', 'number', 'Larger documents are refused; at most the listener''s own limit.'),
    ('force', 'boolean', 'Ingest documents again although they did not change.'),
    ('publish', 'string', '''document'': each batch goes live when it is ready (default); ''request'': all at once at the end.'),
    ('mirror', 'boolean', 'Documents that came from this source and are no longer there are deleted, if the whole source could be listed.'),
    ('most_gone', 'number', 'The share of them that may be deleted at once, up to 1; above it the request ends with ''too_many_gone'' (default 0.5).'),
    ('crawl', 'object', 'For a site: follow links below the source''s folder, {"depth": 5, "pages": 500} at most; without it, one page or sitemap.'),
    ('record', 'object', 'The files are JSON Lines or CSV, and each record is a document: which fields are its text, id, title and metadata.'),
    ('batch_documents', 'number', 'Most documents in a batch, at most the listener''s own limit; 1: each has a workflow of its own.'),
    ('timeout_seconds', 'number', 'The request is cancelled after running this long.'),
    ('patience', 'number', 'Most seconds to wait while the source or the embedding service is away; without it, the listener''s INGEST_SERVICE_PATIENCE.'),
    ('principals', 'array', 'Who may find the documents in a search: roles, or names that a gateway gives; without it, nothing changes, and new documents can be found by everybody who may search.'),
    ('principals_field', 'string', 'The metadata field of records that lists these principals: a string or an array; without the field, nobody finds the document.'),
    ('plan', 'boolean', 'Only say what it would do and cost, in ingest_status.plan: nothing is sent, published or deleted.'),
    ('planned', 'string', 'The id of a plan of the same source: ingest_status shows what it said beside what was done.'),
    ('max_texts', 'number', 'Most texts that are sent to the embedder, in all attempts; then it ends with ''cap_reached''.'),
    ('max_cost', 'number', 'Most that they may cost, at the price that is known.');
$$;

comment on function ingest.ingest_options() is 'The options of a request: key, type, description.';
