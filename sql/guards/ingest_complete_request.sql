create or replace function ingest.ingest_complete_request(p_request ingest.ingest_requests) returns ingest.ingest_requests
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
-- Object mappers send a null for what is not set (some of them JSON's), and forms an empty string.
begin
  p_request.id := coalesce(p_request.id, gen_random_uuid());
  p_request.collection := coalesce(p_request.collection, 'default');
  p_request.options := coalesce(nullif(p_request.options, 'null'), '{}');
  p_request.metadata := coalesce(nullif(p_request.metadata, 'null'), '{}');
  p_request.priority := coalesce(p_request.priority, 0);
  p_request.run_at := coalesce(p_request.run_at, p_request.created_at);
  p_request.uri := nullif(p_request.uri, '');
  p_request.media_type := nullif(p_request.media_type, '');
  p_request.dedupe_key := nullif(p_request.dedupe_key, '');
  -- Empty content alone is an empty document.
  if num_nonnulls(p_request.source, p_request.content, p_request.content_bytes) > 1 then
    p_request.content := nullif(p_request.content, '');
    p_request.content_bytes := nullif(p_request.content_bytes, '');
  end if;
  p_request.source := nullif(p_request.source, '');
  return p_request;
end
$$;

comment on function ingest.ingest_complete_request(ingest.ingest_requests) is
  'A request with the defaults in place of nulls, and nothing in place of empty strings: what it means.';
