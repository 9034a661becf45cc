create or replace function ingest.ingest_forget_revisions() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  delete from ingest.ingest_chunk_store c using deleted d where c.revision_id = d.id;
  delete from ingest.ingest_cuts k using deleted d where k.revision_id = d.id;
  delete from ingest.ingest_rerank_scores s using deleted d where s.revision_id = d.id;
  delete from ingest.ingest_step_results s using deleted d where s.revision_id = d.id;
  return null;
end
$$;

comment on function ingest.ingest_forget_revisions() is
  'Takes chunks, where they are cut, and what re-rankers said and own steps made of them, along when revisions are deleted. (A foreign key would cost a lookup and a lock for each chunk written.)';
