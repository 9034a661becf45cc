create or replace function ingest.ingest_ask_query(p_query text, p_collection text, p_timeout interval) returns ingest.ingest_queries
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_query ingest.ingest_queries;
begin
  perform ingest.ingest_ask(p_query, p_collection, p_timeout);
  select k.space_id, k.hash into v_query.space_id, v_query.hash from ingest.ingest_query_key(p_query, p_collection) k;
  return v_query;
end
$$;

comment on function ingest.ingest_ask_query(text, text, interval) is
  'For listeners of the former release: ingest_ask, for calls of its ingest_embed_query that a migration finds under way.';
