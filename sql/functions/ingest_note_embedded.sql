create or replace function ingest_note_embedded(p_request uuid, p_batch int, p_owner uuid, p_chunks int, p_tokens bigint) returns void
language plpgsql set search_path from current
as $$
begin
  perform ingest_check_owner(p_request, p_batch, p_owner, 'embed');
  update ingest_batches b
  set chunks_embedded = least(b.chunks, b.chunks_embedded + p_chunks), tokens = b.tokens + p_tokens
  where b.request_id = p_request and b.batch = p_batch;
end
$$;

comment on function ingest_note_embedded(uuid, int, uuid, int, bigint) is 'Counts chunks that were stored, and the tokens that they took.';
