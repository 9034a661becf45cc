create or replace function ingest.ingest_note_embedded(p_fence ingest.ingest_fence_v1, p_counts ingest.ingest_count_v1[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_owned uuid[];
begin
  v_owned := ingest.ingest_check_owner(p_fence, 'embed'::text);
  update ingest.ingest_batches b
  set chunks_embedded = least(b.chunks, b.chunks_embedded + n.chunks), tokens = b.tokens + n.tokens, texts = b.texts + n.texts,
      waiting_since = null,
      -- What embedding can still move is spread over the chunks that are left: all of them move it, however documents are cut.
      remaining = b.remaining - greatest(0, b.remaining - b.remaining_embedded)
        * least(1, n.chunks / greatest(1, b.chunks - b.chunks_embedded)::float8),
      moved_at = ingest.ingest_now()
  from unnest(p_counts) n
  where b.request_id = n.request_id and b.batch = p_fence.batch and b.request_id = any (v_owned);
end
$$;

comment on function ingest.ingest_note_embedded(ingest.ingest_fence_v1, ingest.ingest_count_v1[]) is
  'Counts chunks that were stored, and the texts and tokens that they took, request by request.';
