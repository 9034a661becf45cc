create or replace function ingest.ingest_show_chunks(p_uri text, p_collection text default 'default')
returns table (ordinal int, start_char int, end_char int, text text, metadata jsonb)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_collection text := coalesce(p_collection, 'default');
  v_principals text[] := ingest.ingest_search_principals(v_collection, null::text[]);
begin
  perform ingest.ingest_refuse_own_policies();
  return query
    select c.ordinal, c.start_char, c.end_char, c.text, c.metadata
    from ingest.ingest_documents d
    join ingest.ingest_collections k on k.name = d.collection
    join ingest.ingest_chunk_store c on c.revision_id = d.revision_id and c.generation = k.generation
    where d.collection = v_collection and d.uri = p_uri
      and (v_principals is null or d.principals is null or d.principals && v_principals)
    order by c.ordinal;
end
$$;

comment on function ingest.ingest_show_chunks(text, text) is
  'The live chunks of a document, in order, for callers who may find it in a search. IG040 not granted.';
