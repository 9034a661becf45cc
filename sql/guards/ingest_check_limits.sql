create or replace function ingest.ingest_check_limits(p_request ingest.ingest_requests) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Every inserter but the owner pays for this: one statement looks up what is needed, and mostly that is all.
declare
  v_role name := case when p_request.watch is null then coalesce(nullif(current_setting('role'), 'none')::name, session_user)  -- ingest_caller(), written out
                      else p_request.submitted_by::name end;
  v_bytes bigint := ingest.ingest_request_bytes(p_request);
  -- Rows of this session, by the server's own count: never too few; those of its last transactions may be in it still.
  v_inserted bigint := pg_stat_get_xact_tuples_inserted('ingest.ingest_requests'::regclass);
  v_found record;
begin
  select l.max_pending, l.max_pending_bytes, l.max_new_collections, l.min_priority, c.name is null as is_new,
         -- Whether what others have waiting was counted lately, and what is added to it may be anything but much.
         ingest.ingest_now() <= k.counted_at + ingest.ingest_count_lasts(k, l.max_pending, l.max_pending_bytes)
         and case when v_inserted < 10 then coalesce(l.max_pending, 1000) >= 1000 and current_setting('track_counts') = 'on'
                  else v_inserted % case when v_inserted < 100 then 10 when v_inserted < 1000 then 100
                                         when v_inserted < 10000 then 500 else 1000 end > 0 end
         and coalesce(v_bytes <= l.max_pending_bytes / 10000, true)
         and coalesce(k.pending + v_inserted < l.max_pending or v_inserted % greatest(1, l.max_pending / 1000) > 0, true) as has_room
  into v_found
  from ingest.ingest_limits l
  left join lateral (
    select p.* from ingest.ingest_pending_counts p where p.role = v_role order by p.counted_at desc limit 1) k on true
  left join ingest.ingest_collections c on c.name = p_request.collection
  where l.role in (v_role, '') order by l.role desc limit 1;
  if p_request.priority < v_found.min_priority then
    perform ingest.ingest_check_priority(p_request.priority);
  end if;
  if v_found.is_new and v_found.max_new_collections is not null then
    perform ingest.ingest_check_new_collection(v_role, p_request.collection, v_found.max_new_collections);
  end if;
  if v_found.has_room is not true and num_nonnulls(v_found.max_pending, v_found.max_pending_bytes) > 0 then
    perform ingest.ingest_check_pending(v_role, v_found.max_pending, v_found.max_pending_bytes, v_bytes);
  end if;
end
$$;

comment on function ingest.ingest_check_limits(ingest.ingest_requests) is
  'Raises IG043 where a new request of a caller other than the owner is beyond its limits (ingest_limits). What a transaction inserts is counted now and then, each 1,000 rows at least.';
