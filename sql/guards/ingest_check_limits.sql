create or replace function ingest.ingest_check_limits(
  p_request ingest.ingest_requests, p_role name, p_inserted bigint, p_bytes bigint, p_is_counted boolean) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Where ingest_prepare_request doesn't see at a glance that all is well: this finds out what is not.
declare
  v_found record;
begin
  select l.max_pending, l.max_pending_bytes, l.max_new_collections, l.min_priority, c.name is null as is_new,
         -- Whether what others have waiting was counted lately, and what is added to it may be anything but much.
         not p_is_counted and ingest.ingest_now() < k.until
         and k.most is not distinct from l.max_pending and k.most_bytes is not distinct from l.max_pending_bytes
         and coalesce(p_bytes <= l.max_pending_bytes / 10000, true)
         and coalesce(k.pending + p_inserted < l.max_pending or p_inserted % greatest(1, l.max_pending / 1000) > 0, true) as has_room
  into v_found
  from ingest.ingest_limits l
  left join lateral (
    select p.* from ingest.ingest_pending_counts p where p.role = p_role order by p.counted_at desc limit 1) k on true
  left join ingest.ingest_collections c on c.name = p_request.collection
  where l.role in (p_role, '') order by l.role desc limit 1;
  if p_request.priority < v_found.min_priority then
    perform ingest.ingest_check_priority(p_request.priority);
  end if;
  if v_found.is_new and v_found.max_new_collections is not null then
    perform ingest.ingest_check_new_collection(p_role, p_request.collection, v_found.max_new_collections);
  end if;
  if v_found.has_room is not true and num_nonnulls(v_found.max_pending, v_found.max_pending_bytes) > 0 then
    perform ingest.ingest_check_pending(p_role, v_found.max_pending, v_found.max_pending_bytes, p_bytes);
  end if;
end
$$;

comment on function ingest.ingest_check_limits(ingest.ingest_requests, name, bigint, bigint, boolean) is
  'Raises IG043 where a new request of a caller other than the owner is beyond its limits (ingest_limits). p_inserted: rows of its session, '
  'by the server''s own count; p_bytes: ingest_request_bytes; p_is_counted: this row is one before which what waits is counted.';
