create or replace function ingest.ingest_require_generations(p_collection text, p_revisions bigint[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_active int[] := ingest.ingest_active_generations(p_collection);
begin
  if exists (
       select from ingest.ingest_revisions v cross join unnest(v_active) as a (generation)
       where v.id = any (p_revisions) and v.state = 'embedded' and v.generation <> a.generation and not ingest.ingest_stands_in(v, a.generation)) then
    raise exception 'documents of collection "%" do not stand in all of its generations yet', p_collection
      using errcode = 'IG045', constraint = 'lacks_generation';
  end if;
  -- What was written into one that is purged by now, when its documents' turn has passed.
  delete from ingest.ingest_chunk_store c
  where v_active <> '{1}' and c.revision_id = any (p_revisions) and c.generation <> all (v_active)
    and c.generation in (select g.generation from ingest.ingest_generations g where g.collection = p_collection and g.state in ('purging', 'purged'));
end
$$;

comment on function ingest.ingest_require_generations(text, bigint[]) is 'Raises IG045 where an embedded revision does not stand in all active generations of its collection.';
