create or replace function ingest.ingest_gone(p_request uuid) returns table (id bigint, is_gone boolean)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_custom_plan set enable_nestloop = off
as $$
-- What a newer reading brought is not this look's business. What could not be read is not gone, nor what lies below or inside
-- of it; nor what lies inside of a document that had not changed, and so was not opened.
-- A mirror often comes right after its documents, of which there are no statistics yet: then nested loops would compare each with
-- each. Whether an id is in an array that the plan knows is a look into a hash.
declare
  v_request ingest.ingest_requests;
  v_seen bigint[] := array(select unnest(s.documents) from ingest.ingest_seen s where s.request_id = p_request);
begin
  select r.* into v_request from ingest.ingest_requests r where r.id = p_request;
  return query
    with closed as materialized (
      -- Of a record that can't be read it is not known which one it is.
      select regexp_replace(v.uri, '#line=[0-9]+$', '') as uri from ingest.ingest_revisions v
      where v.request_id = p_request and (v.state = 'failed' or v.reason in ('unchanged', 'unsupported'))
    )
    select d.id,
           case when d.id = any (v_seen) or v.uri is not null or d.live_seq >= (v_request.listing ->> 'read_seq')::bigint then false
                else not exists (
                  select from ingest.ingest_above(d.uri) as above (uri)
                  where exists (select from closed c where c.uri = above.uri)
                    or (above.uri <> d.uri and exists (
                      select from ingest.ingest_documents w
                      where w.collection = v_request.collection and w.uri = above.uri and w.id = any (v_seen))))
           end
    from ingest.ingest_document_origins g
    join ingest.ingest_documents d on d.id = g.document_id and d.collection = v_request.collection
    left join (select distinct m.uri from ingest.ingest_revisions m where m.request_id = p_request) v on v.uri = d.uri
    where g.origin = ingest.ingest_origin(v_request);
end
$$;

comment on function ingest.ingest_gone(uuid) is
  'The documents that came through a request''s source, now or before, and whether they are there no more, as its discovery saw.';
