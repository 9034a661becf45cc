create or replace function ingest.ingest_mark(p_request uuid, p_batch int) returns bigint
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce(sum(array_position('{discovered,loaded,chunked,embedded}', v.state)), 0)
         + 10 * count(*) filter (where v.state in ('published', 'skipped', 'failed'))
         + (select b.chunks_embedded from ingest.ingest_batches b where b.request_id = p_request and b.batch = p_batch)
         -- One that turns to another generation has made progress, though it begins anew there.
         + (select coalesce(sum(10 + cardinality(k.starts)), 0) from ingest.ingest_revisions o join ingest.ingest_cuts k on k.revision_id = o.id
            where o.request_id = p_request and o.batch = p_batch)
  from ingest.ingest_revisions v where v.request_id = p_request and v.batch = p_batch;
$$;

comment on function ingest.ingest_mark(uuid, int) is 'How far a batch is, as a number that grows with each bit of progress.';
