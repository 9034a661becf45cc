create or replace function ingest.ingest_save_shared(
  p_fence ingest.ingest_fence_v1, p_loaded ingest.ingest_loaded_v2[], p_cuts ingest.ingest_cut_v2[],
  p_chunks ingest.ingest_chunk_v1[], p_counts ingest.ingest_count_v1[], p_outcomes ingest.ingest_outcome_v2[],
  out published int, out superseded int, out ended uuid[], out statuses text[]
) returns record
language plpgsql security definer set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
-- What ingest_save_loaded, ingest_save_chunked, ingest_save_chunks, ingest_note_embedded, ingest_save_embedded, ingest_publish and
-- ingest_end_shared do one after the other, for documents that came through all steps before anything was written. Lock order:
-- documents by (collection, uri), then batches, then requests. Repeated, it finds nothing in the state before.
-- One plan for all calls: otherwise planning is half of what this costs.
declare
  v_collection text;
  v_owned uuid[];
  v_running uuid[];
  v_moved uuid[];
  v_ids bigint[];
  v_loaded bigint[] := array(select l.revision from unnest(p_loaded) with ordinality as l order by l.ordinality);
  v_cut bigint[] := array(select c.revision from unnest(p_cuts) with ordinality as c order by c.ordinality);
  v_embedded bigint[] := array(select o.revision from unnest(p_outcomes) with ordinality as o order by o.ordinality);
begin
  perform ingest.ingest_wait_briefly(p_fence.requests);
  select r.collection into v_collection from ingest.ingest_requests r where r.id = p_fence.requests[1];
  perform ingest.ingest_lock_generations(v_collection, false);
  perform ingest.ingest_make_documents(array(
    select v.id from ingest.ingest_revisions v
    where v.request_id = any (p_fence.requests) and v.batch = p_fence.batch and (v.state = 'embedded' or v.state = 'discovered'
      and v.id = any (array(select o.revision from unnest(p_outcomes) o where o.error is null)))));
  v_owned := ingest.ingest_check_owner(p_fence, 'save'::text);
  v_running := array(
    select r.id from ingest.ingest_requests r where r.id = any (v_owned) and r.status = 'running' order by r.id for share);
  if cardinality(v_running) = 0 then
    raise exception 'request % is no longer running', p_fence.requests[1] using errcode = 'IG021', constraint = 'lost_ownership';
  end if;
  with settings as materialized (
    select r.id, ingest.ingest_settings_hash(r) as hash from ingest.ingest_requests r where r.id = any (v_owned)
  ), moved as (
    update ingest.ingest_revisions v
    set (state, error, warning, read_seq, content_hash, bytes, text, title, media_type, metadata, pages, version, modified_at,
         settings_hash, loaded_at, read_seconds, parse_seconds, starts, ends, headings, leads, embed_seconds, failed_at) = (
      select case when f.error is null then 'embedded' else 'failed' end, f.error, case when (n.l).text is not null then (n.l).error end,
             (n.l).read_seq, (n.l).hash, coalesce((n.l).bytes, v.bytes), (n.l).text, (n.l).title,
             coalesce((n.l).media_type, v.media_type), coalesce((n.l).metadata, '{}'), (n.l).pages, coalesce((n.l).version, v.version),
             coalesce((n.l).modified_at, v.modified_at), settings.hash, ingest.ingest_now(), (n.l).read_seconds, (n.l).parse_seconds,
             case when (n.c).revision is not null then coalesce((n.c).starts, '{}') end,
             case when (n.c).revision is not null then coalesce((n.c).ends, '{}') end,
             (n.c).headings, (n.c).leads, (n.o).seconds, case when f.error is not null then ingest.ingest_now() end
      from (select p_loaded[array_position(v_loaded, v.id)] as l, p_cuts[array_position(v_cut, v.id)] as c,
                   p_outcomes[array_position(v_embedded, v.id)] as o offset 0) n  -- not joined: see ingest_save_loaded
      cross join lateral (select coalesce(case when (n.l).text is null then (n.l).error end, (n.c).error, (n.o).error) as error) f)
    from settings
    where v.request_id = settings.id and v.batch = p_fence.batch and v.state = 'discovered' and v.id = any (v_loaded)
    returning v.request_id)
  select coalesce(array_agg(m.request_id), '{}') into v_moved from moved m;
  if cardinality(p_chunks) > 0 then
    perform ingest.ingest_save_chunks(p_fence, p_chunks);
  end if;
  v_ids := array(
    select v.id from ingest.ingest_revisions v
    where v.request_id = any (p_fence.requests) and v.batch = p_fence.batch and v.state = 'embedded');
  perform ingest.ingest_require_generations(v_collection, v_running, p_fence.batch, v_ids);
  select m.published, m.superseded into published, superseded from ingest.ingest_move_pointers(v_running, p_fence.batch, v_ids) m;
  if v_moved <@ v_running is not true then  -- cancelled a moment ago
    perform ingest.ingest_count_batches(array(select m from unnest(v_moved) m where m <> all (v_running)), p_fence.batch, false);
  end if;
  if cardinality(p_chunks) > 0 then
    perform ingest.ingest_count_embedded(v_owned, p_fence.batch, array(select n from unnest(p_counts) n where n.request_id = any (v_moved)));
  end if;
  select coalesce(array_agg(e.id), '{}'), coalesce(array_agg(e.status), '{}') into ended, statuses
  from ingest.ingest_end_shared(
    v_owned, (select b.executor_id from ingest.ingest_batches b where b.request_id = v_owned[1] and b.batch = p_fence.batch), p_fence.owner) e;
end
$$;

comment on function ingest.ingest_save_shared(
  ingest.ingest_fence_v1, ingest.ingest_loaded_v2[], ingest.ingest_cut_v2[], ingest.ingest_chunk_v1[], ingest.ingest_count_v1[],
  ingest.ingest_outcome_v2[]) is
  'discovered → published, skipped or failed, in one transaction, and the end of the requests whose documents are through: which, and how they ended.';
