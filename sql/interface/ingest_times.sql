create or replace view ingest.ingest_times with (security_invoker = true) as
select v.request_id, v.collection, v.uri, v.state, coalesce(v.media_type, v.error ->> 'media_type') as media_type, v.bytes,
       v.read_seconds, v.parse_seconds, v.embed_seconds,
       coalesce(v.read_seconds, 0) + coalesce(v.parse_seconds, 0) + coalesce(v.embed_seconds, 0) as seconds,
       v.error ->> 'code' as code, v.id as revision_id
from ingest.ingest_revisions v
where v.read_seconds is not null or v.parse_seconds is not null or v.embed_seconds is not null;

comment on view ingest.ingest_times is
  'A row for each document of a request that took time: seconds to read, parse and embed it. order by seconds desc: the slow ones.';
