create or replace function ingest.ingest_share_key(p_request ingest.ingest_requests) returns text
language sql immutable
return case when p_request.attempt = 1 and octet_length(p_request.content) <= 65536 and octet_length(coalesce(p_request.uri, '')) <= 1000
                 and p_request.forked_from is null and not p_request.options ?| array['record', 'publish']
                 and not ingest.ingest_asks_for_caps(p_request) and not p_request.settings ? 'steps'
            then md5(p_request.collection || p_request.settings::text) end;

comment on function ingest.ingest_share_key(ingest.ingest_requests) is
  'Small requests that have just been claimed and have the same key may share a batch; null: it goes alone.';
