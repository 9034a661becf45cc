create or replace function ingest_note_embedded(p_requests uuid[], p_batch int, p_owner uuid, p_counted uuid[], p_chunks int[], p_tokens bigint[])
returns void
language plpgsql set search_path from current
as $$
declare
  v_owned uuid[];
begin
  v_owned := ingest_check_owner(p_requests, p_batch, p_owner, 'embed');
  update ingest_batches b
  set chunks_embedded = least(b.chunks, b.chunks_embedded + n.chunks), tokens = b.tokens + n.tokens
  from unnest(p_counted, p_chunks, p_tokens) as n (request_id, chunks, tokens)
  where b.request_id = n.request_id and b.batch = p_batch and b.request_id = any (v_owned);
end
$$;

comment on function ingest_note_embedded(uuid[], int, uuid, uuid[], int[], bigint[]) is
  'Counts chunks that were stored, and the tokens that they took, request by request.';
