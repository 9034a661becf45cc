create or replace function ingest.ingest_count_embedded(p_owned uuid[], p_batch int, p_counts ingest.ingest_count_v1[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_price numeric;
  v_space int;
begin
  update ingest.ingest_batches b
  set chunks_embedded = least(b.chunks, b.chunks_embedded + n.chunks), tokens = b.tokens + n.tokens, texts = b.texts + n.texts,
      waiting_since = null,
      -- What embedding can still move is spread over the chunks that are left: all of them move it, however documents are cut.
      remaining = b.remaining - greatest(0, b.remaining - b.remaining_embedded)
        * least(1, n.chunks / greatest(1, b.chunks - b.chunks_embedded)::float8),
      moved_at = ingest.ingest_now()
  from unnest(p_counts) n
  where b.request_id = n.request_id and b.batch = p_batch and b.request_id = any (p_owned);
  select ingest.ingest_price_of(w.settings, b.executor_id), (w.settings ->> 'space_id')::int into v_price, v_space
  from ingest.ingest_requests r join ingest.ingest_batches b on b.request_id = r.id
  cross join lateral ingest.ingest_worked_settings(r.settings, r.collection, b.generation) as w (settings)
  where r.id = p_owned[1] and b.batch = p_batch;
  -- Rows of its own, so that nobody waits for anybody. Of what was copied nothing was sent.
  insert into ingest.ingest_usage (at, tenant, collection, space_id, request_id, texts, tokens, cost)
  select ingest.ingest_now(), coalesce(r.settings ->> 'tenant', ''), r.collection, v_space, r.id, n.texts, n.tokens, n.tokens * v_price / 1000000
  from unnest(p_counts) n join ingest.ingest_requests r on r.id = n.request_id
  where n.request_id = any (p_owned) and (n.texts > 0 or n.tokens > 0);
  perform ingest.ingest_add_spent(array(select n from unnest(p_counts) n where n.request_id = any (p_owned)), v_price);
end
$$;

comment on function ingest.ingest_count_embedded(uuid[], int, ingest.ingest_count_v1[]) is
  'Counts chunks, texts and tokens of requests whose batch the transaction has locked for its owner: what ingest_note_embedded does.';
