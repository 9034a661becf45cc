create or replace function ingest_note_embedded(p_fence ingest_fence_v1, p_counts ingest_count_v1[]) returns void
language plpgsql set search_path from current
as $$
declare
  v_owned uuid[];
begin
  v_owned := ingest_check_owner(p_fence, 'embed');
  update ingest_batches b
  set chunks_embedded = least(b.chunks, b.chunks_embedded + n.chunks), tokens = b.tokens + n.tokens, texts = b.texts + n.texts
  from unnest(p_counts) n
  where b.request_id = n.request_id and b.batch = p_fence.batch and b.request_id = any (v_owned);
end
$$;

comment on function ingest_note_embedded(ingest_fence_v1, ingest_count_v1[]) is
  'Counts chunks that were stored, and the texts and tokens that they took, request by request.';
