create or replace function ingest.ingest_answer_rerank(p_question bigint, p_revisions bigint[], p_ordinals int[], p_scores float8[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_question ingest.ingest_rerank_questions;
begin
  perform set_config('synchronous_commit', 'off', true);  -- of a cache; nobody need wait for the disk
  delete from ingest.ingest_rerank_questions q where q.id = p_question returning q.* into v_question;
  if not found then
    return;  -- nobody waits any more
  end if;
  insert into ingest.ingest_rerankings as r (hash, reranker, scored_at) values (v_question.hash, v_question.reranker, ingest.ingest_now())
  on conflict on constraint ingest_rerankings_pkey do nothing;
  -- Locked first, so that scores of two re-rankers never stand side by side.
  perform from ingest.ingest_rerankings r where r.hash = v_question.hash for update;
  delete from ingest.ingest_rerank_scores s using ingest.ingest_rerankings r
  where s.hash = v_question.hash and r.hash = s.hash and r.reranker <> v_question.reranker;
  update ingest.ingest_rerankings r set reranker = v_question.reranker, scored_at = ingest.ingest_now() where r.hash = v_question.hash;
  insert into ingest.ingest_rerank_scores as s (hash, revision_id, ordinal, score)
  select v_question.hash, w.revision_id, w.ordinal, w.score
  from unnest(p_revisions, p_ordinals, p_scores) as w (revision_id, ordinal, score)
  where exists (select from ingest.ingest_documents d where d.revision_id = w.revision_id)
  on conflict on constraint ingest_rerank_scores_pkey do update set score = excluded.score;
end
$$;

comment on function ingest.ingest_answer_rerank(bigint, bigint[], int[], float8[]) is 'Keeps the scores of chunks and deletes the question.';
