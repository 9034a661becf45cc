create or replace function ingest.ingest_undo(p_request uuid, p_state text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Documents that are on their way beyond p_state (loaded or discovered) go back to it. What stands for a live document has its text.
begin
  if exists (select from ingest.ingest_requests r where r.id = p_request and r.generation is not null) then
    p_state := 'loaded';
  end if;
  if p_state = 'discovered' then
    -- Reading the whole again brings its parts again.
    delete from ingest.ingest_revisions part using ingest.ingest_revisions v
    where v.request_id = p_request and v.state in ('loaded', 'chunked', 'embedded')
      and part.parent_id = v.id and part.request_id = p_request and part.state <> 'published';
  end if;
  delete from ingest.ingest_chunk_store c using ingest.ingest_revisions v
  where v.request_id = p_request and v.state in ('loaded', 'chunked', 'embedded') and c.revision_id = coalesce(v.stands_for, v.id)
    and (v.stands_for is null or c.generation = v.generation);
  delete from ingest.ingest_cuts k using ingest.ingest_revisions v where v.request_id = p_request and v.state in ('loaded', 'chunked', 'embedded') and k.revision_id = v.id;
  update ingest.ingest_revisions v
  set state = p_state, generation = ingest.ingest_generation(r), starts = null, ends = null, headings = null, leads = null,
      text = case when p_state = 'loaded' then v.text end,
      -- That of the text, not of the bytes that are read again.
      media_type = case when p_state = 'loaded' or v.loaded_at is null then v.media_type end,
      read_seq = case when p_state = 'loaded' then v.read_seq else r.read_seq end
  from ingest.ingest_requests r
  where r.id = p_request and v.request_id = p_request
    and (v.state in ('chunked', 'embedded') or v.generation <> ingest.ingest_generation(r) or (p_state = 'discovered' and v.state = 'loaded'))
    and v.state in ('loaded', 'chunked', 'embedded');
  update ingest.ingest_batches b set chunks = 0, chunks_embedded = 0, remaining = null, generation = null
  where b.request_id = p_request and b.finished_at is null;
  perform ingest.ingest_count_batches(array[p_request], null::int, false);
end
$$;

comment on function ingest.ingest_undo(uuid, text) is 'Puts documents that are on their way back to loaded or discovered, and drops their chunks.';
