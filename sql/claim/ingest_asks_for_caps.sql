create or replace function ingest.ingest_asks_for_caps(p_request ingest.ingest_requests) returns boolean
language sql immutable
return p_request.options ?| '{plan,max_texts,max_cost}'::text[] or p_request.generation is not null;

comment on function ingest.ingest_asks_for_caps(ingest.ingest_requests) is
  'Whether a request is a plan, has caps of its own or brings documents into another generation, so that only a listener that knows these may have it. Of its collection: ingest_is_barred.';
