create or replace function ingest.ingest_require_generations(p_collection text, p_requests uuid[], p_batch int, p_revisions bigint[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_active int[] := ingest.ingest_active_generations(p_collection);
begin
  -- What is loaded or chunked here is on its way into another generation: that was broken off, and the step began anew.
  if exists (
       select from ingest.ingest_revisions v
       where v.request_id = any (p_requests) and (p_batch is null or v.batch = p_batch)
         and (v.state in ('loaded', 'chunked') and (cardinality(v_active) > 1 or v.generation <> all (v_active)) or v.state = 'embedded' and exists (
           select from unnest(v_active) as a (generation)
           where v.generation <> a.generation and not ingest.ingest_stands_in(v.id, v.generation, a.generation)))) then
    raise exception 'documents of collection "%" do not stand in all of its generations yet', p_collection
      using errcode = 'IG045', constraint = 'lacks_generation';
  end if;
  -- What was written into one that is purged by now, when its documents' turn has passed.
  if v_active <> '{1}' then
    delete from ingest.ingest_chunk_store c
    where c.revision_id = any (p_revisions) and c.generation <> all (v_active)
      and c.generation in (select g.generation from ingest.ingest_generations g where g.collection = p_collection and g.state in ('purging', 'purged'));
  end if;
end
$$;

comment on function ingest.ingest_require_generations(text, uuid[], int, bigint[]) is
  'Raises IG045 where documents of requests that run (p_batch null: of all batches) do not stand in all active generations of their collection.';
