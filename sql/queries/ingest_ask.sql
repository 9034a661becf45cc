create or replace function ingest.ingest_ask(p_query text, p_collection text, p_timeout interval) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- A caller may leave its transaction open: this adds a row of its own and waits for nobody, so nobody waits for it.
declare
  v_key record;
  v_question bigint;
begin
  p_collection := coalesce(p_collection, 'default');
  perform ingest.ingest_require('search'::text, p_collection);
  perform ingest.ingest_search_config(p_collection);
  perform ingest.ingest_check_query(p_query, p_collection, (
    select c.space_id from ingest.ingest_collections c where c.name = p_collection));
  select k.* into v_key from ingest.ingest_query_key(p_query, p_collection) k;
  perform ingest.ingest_check_query(v_key.text, p_collection, v_key.space_id);  -- its prefix counts, too
  if ingest.ingest_is_known(v_key.space_id, v_key.hash) then
    return null;
  end if;
  perform ingest.ingest_check_service(p_collection);
  perform ingest.ingest_check_listens();
  perform ingest.ingest_check_open_queries();
  perform set_config('synchronous_commit', 'off', true);  -- of a cache; nobody need wait for the disk
  insert into ingest.ingest_questions (asked_by, space_id, hash, text, wanted_until)
  values (ingest.ingest_caller(), v_key.space_id, v_key.hash, v_key.text,
          ingest.ingest_now() + least(greatest(coalesce(p_timeout, interval '10 seconds'), interval '0'), interval '1 hour'))
  returning id into v_question;
  perform pg_notify(ingest.ingest_channel('queries'::text), '');
  return v_question;
end
$$;

comment on function ingest.ingest_ask(text, text, interval) is
  'Asks listeners to embed a query; returns what ingest_await takes, null if its vector is known. It waits an hour at most.';
