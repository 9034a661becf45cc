create or replace function ingest.ingest_to_embed(p_requests uuid[], p_batch int)
returns table (id bigint, request_id uuid, uri text, title text, text text, starts int[], ends int[], headings jsonb, metadata jsonb,
               pages int[], stored int[])
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select e.id, e.request_id, v.uri, e.title, v.text, e.starts, e.ends, e.headings, e.metadata, e.pages, e.stored
  from ingest.ingest_to_embed((p_requests, p_batch, null)::ingest.ingest_fence_v1) with ordinality e
  join ingest.ingest_revisions v on v.id = e.id
  order by e.ordinality;
$$;

comment on function ingest.ingest_to_embed(uuid[], int) is 'For listeners of the former release: ingest_to_embed(ingest_fence_v1).';
