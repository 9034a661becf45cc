create or replace view ingest.ingest_warnings with (security_invoker = true) as
select v.request_id, v.collection, v.uri, v.warning ->> 'step' as step, v.warning ->> 'code' as code,
       v.warning ->> 'message' as message, v.warning ->> 'hint' as hint, v.state,
       v.state = 'published' and v.replaced_at is null as is_live, v.bytes, v.media_type, v.batch, v.id as revision_id
from ingest.ingest_revisions v
where v.warning is not null;

comment on view ingest.ingest_warnings is
  'A row for each document of a request that could be read only in part: what is missing, and what to do. The rest is published.';
comment on column ingest.ingest_warnings.request_id is 'The request that read it.';
comment on column ingest.ingest_warnings.collection is 'Its collection.';
comment on column ingest.ingest_warnings.uri is 'The document''s URI.';
comment on column ingest.ingest_warnings.step is 'The step that left something out.';
comment on column ingest.ingest_warnings.code is 'Stable code of the warning.';
comment on column ingest.ingest_warnings.message is 'What is missing.';
comment on column ingest.ingest_warnings.hint is 'What to do. Null: nothing is known to help.';
comment on column ingest.ingest_warnings.state is 'State of its revision (ingest_revisions.state).';
comment on column ingest.ingest_warnings.is_live is 'Whether this reading is what readers see now.';
comment on column ingest.ingest_warnings.bytes is 'Size of the document, in bytes.';
comment on column ingest.ingest_warnings.media_type is 'Its media type.';
comment on column ingest.ingest_warnings.batch is 'Its batch in the request.';
comment on column ingest.ingest_warnings.revision_id is 'Its row in ingest_revisions.';
