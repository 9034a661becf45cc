create or replace function ingest.ingest_note_embedded(p_fence ingest.ingest_fence_v1, p_counts ingest.ingest_count_v1[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform ingest.ingest_count_embedded(ingest.ingest_check_owner(p_fence, 'embed'::text), p_fence.batch, p_counts);
end
$$;

comment on function ingest.ingest_note_embedded(ingest.ingest_fence_v1, ingest.ingest_count_v1[]) is
  'Counts chunks that were stored, and the texts and tokens that they took, request by request; in ingest_usage too.';
