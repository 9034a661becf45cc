create or replace function ingest.ingest_asks_for_caps(p_request ingest.ingest_requests) returns boolean
language sql immutable
return p_request.options ?| '{plan,max_texts,max_cost}'::text[];

comment on function ingest.ingest_asks_for_caps(ingest.ingest_requests) is
  'Whether a request is a plan or has caps of its own, so that only a listener that knows them may have it. A month''s caps: ingest_is_barred.';
