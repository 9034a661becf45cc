create or replace view ingest.ingest_times with (security_invoker = true) as
select v.request_id, v.collection, v.uri, v.state, coalesce(v.media_type, v.error ->> 'media_type') as media_type, v.bytes,
       v.read_seconds, v.parse_seconds, v.embed_seconds,
       coalesce(v.read_seconds, 0) + coalesce(v.parse_seconds, 0) + coalesce(v.embed_seconds, 0) as seconds,
       v.error ->> 'code' as code, v.id as revision_id
from ingest.ingest_revisions v
where v.read_seconds is not null or v.parse_seconds is not null or v.embed_seconds is not null;

comment on view ingest.ingest_times is
  'A row for each document of a request that took time: seconds to read, parse and embed it. For the slow ones: order by seconds desc.';
comment on column ingest.ingest_times.request_id is 'The request that read it.';
comment on column ingest.ingest_times.collection is 'Its collection.';
comment on column ingest.ingest_times.uri is 'The document''s URI.';
comment on column ingest.ingest_times.state is 'State of its revision (ingest_revisions.state).';
comment on column ingest.ingest_times.media_type is 'Its media type. Null: not known.';
comment on column ingest.ingest_times.bytes is 'Size of the document, in bytes. Null: not known.';
comment on column ingest.ingest_times.read_seconds is 'Seconds to read its bytes. Null: not read.';
comment on column ingest.ingest_times.parse_seconds is 'Seconds to parse its text. Null: not parsed.';
comment on column ingest.ingest_times.embed_seconds is 'Seconds to embed its chunks; other documents are embedded meanwhile. Null: not embedded.';
comment on column ingest.ingest_times.seconds is 'The sum of the three.';
comment on column ingest.ingest_times.code is 'Error code, if it failed. Null: it did not.';
comment on column ingest.ingest_times.revision_id is 'Its row in ingest_revisions.';
