create or replace function ingest.ingest_rerank_scores(p_query text, p_collection text, p_revisions bigint[], p_ordinals int[])
returns table (revision_id bigint, ordinal int, score float8)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  -- A gateway that searches does so for others, whom it names elsewhere.
  v_principals text[] := case when not ingest.ingest_may('gateway'::text, p_collection)
                              then ingest.ingest_search_principals(p_collection, null::text[]) end;
begin
  perform ingest.ingest_require('search'::text, p_collection);
  if ingest.ingest_has_own_policies() and not ingest.ingest_is_owner() then
    return;  -- whose rows these may be, an administrator's own policies decide
  end if;
  return query
  select s.revision_id, s.ordinal, s.score
  from unnest(p_revisions, p_ordinals) as w (revision_id, ordinal)
  join ingest.ingest_rerank_scores s on s.hash = ingest.ingest_rerank_key(p_query, p_collection)
                                        and s.revision_id = w.revision_id and s.ordinal = w.ordinal
  join ingest.ingest_documents d on d.revision_id = s.revision_id and d.collection = p_collection
  where v_principals is null or d.principals is null or d.principals && v_principals;
end
$$;

comment on function ingest.ingest_rerank_scores(text, text, bigint[], int[]) is
  'The scores of chunks that a re-ranker gave them for a query, as far as they are known (call ingest_rerank) and the caller may find the documents.';
