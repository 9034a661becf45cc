create or replace function ingest.ingest_check_query(p_query text, p_collection text, p_space int) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if octet_length(p_query) > 20000 then
    raise exception 'the query has % bytes', octet_length(p_query)
      using errcode = 'IG030', constraint = 'query_too_long', hint = 'Use at most 20,000 bytes of it.';
  end if;
  if coalesce(p_query, '') !~ E'\\S' then
    raise exception 'the query is empty'
      using errcode = 'IG030', constraint = 'empty_query', hint = 'Give something to search for.';
  end if;
  if p_space is null then
    raise exception 'collection "%" has no embeddings yet', p_collection
      using errcode = 'IG031', constraint = 'no_space_yet',
            hint = 'Its embedding space is chosen when its first request starts; until then, ingest_search searches by words.';
  end if;
end
$$;

comment on function ingest.ingest_check_query(text, text, int) is 'Raises IG030 for an empty query or one of over 20,000 bytes, IG031 for a collection without a space.';
