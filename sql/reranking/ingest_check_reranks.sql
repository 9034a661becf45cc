create or replace function ingest.ingest_check_reranks(p_reranker text) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if p_reranker is not null then
    return;
  elsif not exists (select from ingest.ingest_listeners l where ingest.ingest_seems_alive(l)) then
    raise exception 'no listener is running that could score chunks'
      using errcode = 'IG032', constraint = 'no_listener',
            hint = 'Start one with: ingest listen. Without it, ingest_search ranks by words and vectors.';
  end if;
  raise exception 'no running listener has a re-ranker'
    using errcode = 'IG032', constraint = 'no_reranker',
          hint = 'Set INGEST_RERANKER to neural or http for the listeners. Without it, ingest_search ranks by words and vectors.';
end
$$;

comment on function ingest.ingest_check_reranks(text) is
  'Raises IG032, no_listener or no_reranker, if there is no re-ranker.';
