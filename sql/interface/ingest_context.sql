create or replace function ingest.ingest_context(
  query text, collection text default 'default', k int default 8, budget int default null, tokens int default null,
  share float8 default 0.5, neighbours int default 1, sections int default 1, filter jsonb default '{}', by text default null,
  under text default null, per_document int default null
) returns setof ingest.ingest_passage_v1
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return query select * from ingest.ingest_context_as_caller(query, null::vectors.vector, collection, k, filter, by, null::text[], under, per_document,
    budget, tokens, share, neighbours, sections);
end
$$;

comment on function ingest.ingest_context(text, text, int, int, int, float8, int, int, jsonb, text, text, int) is
  'What goes into a prompt for a question, best first: hits with their neighbours and sections, as passages of their documents that do not overlap, '
  'in at most budget characters or tokens (of four bytes), 12,000 characters by default; of one document at most its share of it, if there are several. '
  'cited is the passage under a line with its number, title, headings and URI. k, filter, by, under, per_document: as of ingest_search. IG014, IG035, IG040.';
