create or replace function ingest.ingest_gone(p_request uuid) returns table (id bigint, is_gone boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
-- What a newer reading brought is not this look's business. What could not be read is not gone, nor what lies below or inside
-- of it; nor what lies inside of a document that had not changed, and so was not opened.
  with request as materialized (
    select r, r.collection, (r.listing ->> 'read_seq')::bigint as read_seq from ingest.ingest_requests r where r.id = p_request
  ), seen as materialized (
    select unnest(s.documents) as id from ingest.ingest_seen s where s.request_id = p_request
  ), closed as materialized (
    -- Of a record that can't be read it is not known which one it is.
    select regexp_replace(v.uri, '#line=[0-9]+$', '') as uri from ingest.ingest_revisions v
    where v.request_id = p_request and (v.state = 'failed' or v.reason in ('unchanged', 'unsupported'))
  )
  select d.id,
         case when seen.id is not null or v.uri is not null or d.live_seq >= request.read_seq then false
              else not exists (
                select from ingest.ingest_above(d.uri) as above (uri)
                where exists (select from closed c where c.uri = above.uri)
                  or (above.uri <> d.uri and exists (
                    select from ingest.ingest_documents w join seen on seen.id = w.id
                    where w.collection = d.collection and w.uri = above.uri)))
         end
  from request
  join ingest.ingest_document_origins g on g.origin = ingest.ingest_origin(request.r)
  join ingest.ingest_documents d on d.id = g.document_id and d.collection = request.collection
  left join seen on seen.id = d.id
  left join (select distinct v.uri from ingest.ingest_revisions v where v.request_id = p_request) v on v.uri = d.uri;
$$;

comment on function ingest.ingest_gone(uuid) is
  'The documents that came through a request''s source, now or before, and whether they are there no more, as its discovery saw.';
