create or replace function ingest_save_loaded(
  p_requests uuid[], p_batch int, p_owner uuid,
  p_ids bigint[], p_read_seqs bigint[], p_hashes bytea[], p_bytes bigint[], p_texts text[], p_titles text[],
  p_media_types text[], p_metadata jsonb[], p_errors jsonb[], p_pages jsonb[] default null, p_parts text[] default null
) returns void
language plpgsql set search_path from current
as $$
-- Where p_parts has a URI, the row is a document inside of the one with that id: it becomes a revision of its own.
-- One by one, along the primary key: before a table has statistics a join runs through all texts for each document.
declare
  v_owned uuid[];
begin
  v_owned := ingest_check_owner(p_requests, p_batch, p_owner, 'chunk');
  for i in 1 .. cardinality(p_ids) loop
    continue when p_parts[i] is not null;
    update ingest_revisions v
    set state = case when p_errors[i] is null then 'loaded' else 'failed' end, error = p_errors[i], read_seq = p_read_seqs[i],
        content_hash = p_hashes[i], bytes = coalesce(p_bytes[i], v.bytes), text = p_texts[i], title = p_titles[i],
        media_type = coalesce(p_media_types[i], v.media_type), metadata = coalesce(p_metadata[i], '{}'),
        pages = ingest_ints(p_pages[i]), settings_hash = ingest_settings_hash(r), loaded_at = clock_timestamp()
    from ingest_requests r
    where v.id = p_ids[i] and v.state = 'discovered' and r.id = v.request_id and r.id = any (v_owned);
  end loop;
  if num_nonnulls(variadic p_parts) > 0 then
    -- An e-mail's pictures are no failures.
    insert into ingest_revisions
      (request_id, batch, position, collection, uri, parent_id, state, reason, error, read_seq, content_hash, bytes, text, title,
       media_type, metadata, pages, settings_hash, loaded_at)
    select v.request_id, v.batch, v.position, v.collection, l.part, v.id,
           case when l.error is null then 'loaded' when l.error ->> 'code' = 'unsupported' then 'skipped' else 'failed' end,
           case when l.error ->> 'code' = 'unsupported' then 'unsupported' end,
           case when l.error ->> 'code' <> 'unsupported' then l.error end, l.read_seq, l.hash, l.bytes, l.text, l.title, l.media_type, coalesce(l.metadata, '{}'),
           ingest_ints(l.pages), v.settings_hash, clock_timestamp()
    from unnest(p_ids, p_read_seqs, p_hashes, p_bytes, p_texts, p_titles, p_media_types, p_metadata, p_errors, p_pages, p_parts)
      with ordinality as l (id, read_seq, hash, bytes, text, title, media_type, metadata, error, pages, part, place)
    join ingest_revisions v on v.id = l.id
    where l.part is not null and v.request_id = any (v_owned)
    order by l.place;
  end if;
end
$$;

comment on function ingest_save_loaded(uuid[], int, uuid, bigint[], bigint[], bytea[], bigint[], text[], text[], text[], jsonb[], jsonb[], jsonb[], text[]) is
  'discovered → loaded or failed; parts of documents become revisions.';
