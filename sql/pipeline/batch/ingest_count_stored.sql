create or replace function ingest.ingest_count_stored(p_request uuid) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  update ingest.ingest_batches b
  set chunks_embedded = b.chunks - (kept.chunks - kept.stored),
      remaining = b.remaining - (b.remaining - b.remaining_embedded) * kept.stored / kept.chunks
  from (
    select v.batch, sum(cardinality(v.starts)) as chunks, sum((
             select count(*) from ingest.ingest_chunk_store c where c.revision_id = coalesce(v.stands_for, v.id) and c.generation = v.generation))::int as stored
    from ingest.ingest_revisions v
    where v.request_id = p_request and v.state = 'chunked' and cardinality(v.starts) > 0 group by v.batch) kept
  where b.request_id = p_request and b.batch = kept.batch;
$$;

comment on function ingest.ingest_count_stored(uuid) is
  'Has a new attempt begin with the chunks that are stored: documents that are not embedded as a whole count by their share.';
