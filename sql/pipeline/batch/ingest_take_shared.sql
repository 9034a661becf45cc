create or replace function ingest.ingest_take_shared(p_requests uuid[], p_executor text, p_owner uuid, out settings jsonb, out documents ingest.ingest_taken_v1[])
returns record
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  v_ids uuid[] := ingest.ingest_begin_shared(p_requests, p_executor, p_owner);
begin
  if cardinality(v_ids) = 0 then
    return;
  end if;
  settings := ingest.ingest_batch_settings(v_ids[1], 1);
  documents := array(
    select (t.id, t.request_id, t.uri, t.media_type, t.bytes, t.read_seq, t.live_hash, t.live_bytes, t.live_version,
            t.live_modified_at, t.max_bytes, r.content, r.metadata)::ingest.ingest_taken_v1
    from ingest.ingest_to_load((v_ids, 1, p_owner)::ingest.ingest_fence_v1) t join ingest.ingest_requests r on r.id = t.request_id);
end
$$;

comment on function ingest.ingest_take_shared(uuid[], text, uuid) is
  'ingest_begin_shared, with all that the steps ask first: the batch''s settings, and its documents with their texts. Nulls: there are none.';
