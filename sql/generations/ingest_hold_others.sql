create or replace function ingest.ingest_hold_others(p_chunks ingest.ingest_chunk_v1[]) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  -- Neither purged nor forgotten while chunks of them are written: whoever waits for this finds them.
  select from ingest.ingest_revisions o
  where o.id in (select v.stands_for from ingest.ingest_revisions v where v.id = any (array(select distinct n.revision from unnest(p_chunks) n)))
  order by o.id for share;
$$;

comment on function ingest.ingest_hold_others(ingest.ingest_chunk_v1[]) is 'Keeps the live revisions that others stand for as they are until the transaction ends.';
