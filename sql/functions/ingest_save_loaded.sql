create or replace function ingest_save_loaded(
  p_request uuid, p_batch int, p_owner uuid,
  p_ids bigint[], p_read_seqs bigint[], p_hashes bytea[], p_bytes bigint[], p_texts text[], p_titles text[],
  p_media_types text[], p_metadata jsonb[], p_errors jsonb[]
) returns void
language plpgsql set search_path from current
as $$
begin
  perform ingest_check_owner(p_request, p_batch, p_owner, 'chunk');
  update ingest_revisions v
  set state = case when l.error is null then 'loaded' else 'failed' end, error = l.error, read_seq = l.read_seq,
      content_hash = l.hash, bytes = coalesce(l.bytes, v.bytes), text = l.text, title = l.title,
      media_type = coalesce(l.media_type, v.media_type), metadata = coalesce(l.metadata, '{}'),
      settings_hash = ingest_settings_hash(r), loaded_at = clock_timestamp()
  from unnest(p_ids, p_read_seqs, p_hashes, p_bytes, p_texts, p_titles, p_media_types, p_metadata, p_errors)
    as l (id, read_seq, hash, bytes, text, title, media_type, metadata, error),
    ingest_requests r
  where v.id = l.id and v.state = 'discovered' and r.id = p_request;
end
$$;

comment on function ingest_save_loaded(uuid, int, uuid, bigint[], bigint[], bytea[], bigint[], text[], text[], text[], jsonb[], jsonb[]) is
  'discovered → loaded or failed.';
