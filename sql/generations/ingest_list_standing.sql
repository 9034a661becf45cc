create or replace function ingest.ingest_list_standing(p_request uuid, p_executor text, p_attempt int, p_most int, p_documents int, p_bytes bigint)
returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Along the URIs, from where an execution that died left off. What is published since the generation was ordered stands in it.
declare
  v_request ingest.ingest_requests;
  v_found record;
begin
  perform ingest.ingest_as_system();
  perform ingest.ingest_check_discoverer(p_request, p_executor, p_attempt);
  select r.* into v_request from ingest.ingest_requests r where r.id = p_request;
  with page as materialized (
    select d.id, d.uri, d.revision_id from ingest.ingest_documents d
    where d.collection = v_request.collection and d.uri > coalesce(v_request.listing ->> 'cursor', '') and d.revision_id is not null
    order by d.uri limit p_most
  ), wanted as materialized (
    select o.*, q.metadata as said, octet_length(o.text) as size,
           row_number() over w - 1 as place, sum(octet_length(o.text)) over w - octet_length(o.text) as before
    from page p join ingest.ingest_revisions o on o.id = p.revision_id left join ingest.ingest_requests q on q.id = o.request_id
    where o.text is not null and not ingest.ingest_stands_in(o.id, o.generation, v_request.generation)
      and not exists (  -- before it stopped; text is '' as long as it is on its way, and an index has these
        select from ingest.ingest_revisions v
        where v.collection = o.collection and v.uri = o.uri and v.text is not null and v.document_id is null
          and v.request_id = p_request and v.stands_for = o.id)
    window w as (order by o.uri)
  ), added as (
    insert into ingest.ingest_revisions
      (request_id, position, batch, collection, generation, uri, stands_for, state, media_type, bytes, read_seq, content_hash, title, text,
       metadata, pages, loaded_at)
    select p_request, coalesce((v_request.listing ->> 'position')::int, -1) + 1 + w.place,
           coalesce((v_request.listing ->> 'batch')::int, 0) + 1 + greatest(w.place / p_documents, w.before / p_bytes),
           w.collection, v_request.generation, w.uri, w.id, 'loaded', w.media_type, w.size, w.read_seq, w.content_hash, w.title, '',
           -- Those of a request that is gone stand with its chunks.
           case when w.said is not null then w.metadata || w.said else coalesce((
             select c.metadata - '{heading_path,page,last_page,continues,searched_as}'::text[] from ingest.ingest_chunk_store c
             where c.revision_id = w.id order by c.generation, c.ordinal limit 1), w.metadata) end,
           w.pages, ingest.ingest_now()
    from wanted w
    returning position, batch
  )
  select (select max(p.uri) from page p) as uri, max(a.position) as position, max(a.batch) as batch, count(*) as documents into v_found from added a;
  update ingest.ingest_requests r
  set listing = jsonb_build_object(
        'read_seq', 0, 'cursor', coalesce(v_found.uri, r.listing ->> 'cursor'), 'position', coalesce(v_found.position, (r.listing ->> 'position')::int, -1),
        'batch', coalesce(v_found.batch, (r.listing ->> 'batch')::int, 0), 'page', coalesce((r.listing ->> 'page')::int, 0) + 1),
      documents_found = coalesce(r.documents_found, 0) + v_found.documents
  where r.id = p_request;
  return v_found.uri is not null;
end
$$;

comment on function ingest.ingest_list_standing(uuid, text, int, int, int, bigint) is
  'Writes a page of p_most documents of the manifest of a request that makes a generation, cut into batches of so many documents and bytes; false: that was all. IG021 if another execution does.';
