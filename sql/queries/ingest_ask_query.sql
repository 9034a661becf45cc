create or replace function ingest.ingest_ask_query(p_query text, p_collection text, p_timeout interval) returns ingest.ingest_queries
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_query ingest.ingest_queries;
begin
  perform ingest.ingest_require('search'::text, p_collection);
  perform ingest.ingest_search_config(p_collection);
  select k.* into v_query.space_id, v_query.text, v_query.hash from ingest.ingest_query_key(p_query, p_collection) k;
  perform ingest.ingest_check_query(p_query, p_collection, v_query.space_id);
  if exists (select from ingest.ingest_queries q
             where q.space_id = v_query.space_id and q.hash = v_query.hash and q.embedding is not null) then
    if current_setting('transaction_read_only') = 'off' then
      update ingest.ingest_queries q set used_at = ingest.ingest_now()
      where q.space_id = v_query.space_id and q.hash = v_query.hash and q.used_at < ingest.ingest_now() - interval '1 minute';
    end if;
    return v_query;
  end if;
  perform ingest.ingest_check_listens();
  perform set_config('synchronous_commit', 'off', true);  -- of a cache; nobody need wait for the disk
  insert into ingest.ingest_queries as q (space_id, hash, text, wanted_until)
  values (v_query.space_id, v_query.hash, v_query.text, ingest.ingest_now() + p_timeout)
  on conflict on constraint ingest_queries_pkey do update
  set text = excluded.text, error = null, used_at = ingest.ingest_now(),
      wanted_until = greatest(q.wanted_until, excluded.wanted_until),
      claimed_until = case when q.error is null then q.claimed_until end
  where q.embedding is null;
  perform pg_notify(ingest.ingest_channel('queries'::text), '');
  return v_query;
end
$$;

comment on function ingest.ingest_ask_query(text, text, interval) is
  'Asks listeners to embed a query unless its vector is known; returns its key. Callers that ask for the same share one row.';
