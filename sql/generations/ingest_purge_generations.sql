create or replace function ingest.ingest_purge_generations(p_retention interval, p_limit int) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Along the URIs of live documents: what was replaced goes with all of its generations.
declare
  v_one ingest.ingest_generations;
  v_revisions bigint[];
  v_last text;
begin
  update ingest.ingest_generations g set state = 'purging', purged_to = ''
  where g.state = 'former' and g.switched_at < ingest.ingest_now() - coalesce(g.keep, p_retention);
  -- Nobody can take it up any more.
  update ingest.ingest_generations g set state = 'purging', purged_to = ''
  where g.state = 'stopped' and not exists (select from ingest.ingest_requests r where r.id = g.request_id);
  select g.* into v_one from ingest.ingest_generations g where g.state = 'purging' order by g.collection, g.generation limit 1 for no key update skip locked;
  if not found then
    return 0;
  end if;
  select array_agg(page.revision_id), max(page.uri) into v_revisions, v_last from (
    select d.revision_id, d.uri from ingest.ingest_documents d
    where d.collection = v_one.collection and d.uri > coalesce(v_one.purged_to, '') and d.revision_id is not null order by d.uri limit p_limit) page;
  delete from ingest.ingest_chunk_store c where c.revision_id = any (v_revisions) and c.generation = v_one.generation;
  delete from ingest.ingest_cuts k where k.revision_id = any (v_revisions) and k.generation = v_one.generation;
  update ingest.ingest_generations g
  set purged_to = coalesce(v_last, g.purged_to), state = case when v_last is null then 'purged' else 'purging' end
  where g.collection = v_one.collection and g.generation = v_one.generation;
  return coalesce(cardinality(v_revisions), 0);
end
$$;

comment on function ingest.ingest_purge_generations(interval, int) is
  'Deletes chunks of a page of documents in a generation that is kept no longer; returns of how many. p_retention: how long former ones are kept, unless their order said it.';
