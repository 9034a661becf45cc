create or replace view ingest.ingest_warnings with (security_invoker = true) as
select v.request_id, v.collection, v.uri, v.warning ->> 'step' as step, v.warning ->> 'code' as code,
       v.warning ->> 'message' as message, v.warning ->> 'hint' as hint, v.state,
       v.state = 'published' and v.replaced_at is null as is_live, v.bytes, v.media_type, v.batch, v.id as revision_id
from ingest.ingest_revisions v
where v.warning is not null;

comment on view ingest.ingest_warnings is
  'A row for each document of a request of which only a part could be read: what is missing, and what to do. It is published all the same.';
