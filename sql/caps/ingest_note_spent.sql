create or replace function ingest.ingest_note_spent(p_fence ingest.ingest_fence_v1, p_counts ingest.ingest_count_v1[], p_reservations bigint[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform ingest.ingest_note_embedded(p_fence, p_counts);
  perform ingest.ingest_release(p_fence.owner, p_reservations);
end
$$;

comment on function ingest.ingest_note_spent(ingest.ingest_fence_v1, ingest.ingest_count_v1[], bigint[]) is
  'ingest_note_embedded, of texts that were reserved: they are used now.';
