create or replace function ingest_save_loaded(
  p_requests uuid[], p_batch int, p_owner uuid,
  p_ids bigint[], p_read_seqs bigint[], p_hashes bytea[], p_bytes bigint[], p_texts text[], p_titles text[],
  p_media_types text[], p_metadata jsonb[], p_errors jsonb[], p_pages jsonb[] default null, p_parts text[] default null
) returns void
language plpgsql set search_path from current
as $$
-- Where p_parts has a URI, the row is a document inside of the one with that id: it becomes a revision of its own.
-- A whole comes before its parts. Rows are looked up by their place and not joined: before a table has statistics,
-- a join may run through all that is given for each row.
declare
  v_owned uuid[];
begin
  v_owned := ingest_check_owner(p_requests, p_batch, p_owner, 'chunk');
  with settings as materialized (
    select r.id, ingest_settings_hash(r) as hash from ingest_requests r where r.id = any (v_owned))
  update ingest_revisions v
  set (state, error, read_seq, content_hash, bytes, text, title, media_type, metadata, pages, settings_hash, loaded_at) = (
    select case when p_errors[i] is null then 'loaded' else 'failed' end, p_errors[i], p_read_seqs[i], p_hashes[i],
           coalesce(p_bytes[i], v.bytes), p_texts[i], p_titles[i], coalesce(p_media_types[i], v.media_type),
           coalesce(p_metadata[i], '{}'), ingest_ints(p_pages[i]), settings.hash, clock_timestamp()
    from array_position(p_ids, v.id) as i)
  from settings
  where v.request_id = settings.id and v.batch = p_batch and v.state = 'discovered' and v.id = any (p_ids);
  if num_nonnulls(variadic p_parts) > 0 then
    -- An e-mail's pictures are no failures.
    insert into ingest_revisions
      (request_id, batch, position, collection, uri, parent_id, state, reason, error, read_seq, content_hash, bytes, text, title,
       media_type, metadata, pages, settings_hash, loaded_at)
    select v.request_id, v.batch, v.position, v.collection, l.part, l.id,
           case when l.error is null then 'loaded' when l.error ->> 'code' = 'unsupported' then 'skipped' else 'failed' end,
           case when l.error ->> 'code' = 'unsupported' then 'unsupported' end,
           case when l.error ->> 'code' <> 'unsupported' then l.error end, l.read_seq, l.hash, l.bytes, l.text, l.title, l.media_type, coalesce(l.metadata, '{}'),
           ingest_ints(l.pages), v.settings_hash, clock_timestamp()
    from unnest(p_ids, p_read_seqs, p_hashes, p_bytes, p_texts, p_titles, p_media_types, p_metadata, p_errors, p_pages, p_parts)
      with ordinality as l (id, read_seq, hash, bytes, text, title, media_type, metadata, error, pages, part, place)
    cross join lateral (
      select v.request_id, v.batch, v.position, v.collection, v.settings_hash from ingest_revisions v
      where v.id = l.id and v.request_id = any (v_owned) offset 0) v
    where l.part is not null
    order by l.place;
  end if;
end
$$;

comment on function ingest_save_loaded(uuid[], int, uuid, bigint[], bigint[], bytea[], bigint[], text[], text[], text[], jsonb[], jsonb[], jsonb[], text[]) is
  'discovered → loaded or failed; parts of documents become revisions.';
