create or replace function ingest.ingest_answer_queries(p_space int, p_hashes bytea[], p_embeddings vectors.vector[]) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select set_config('synchronous_commit', 'off', true);  -- of a cache; nobody need wait for the disk
  insert into ingest.ingest_queries as q (space_id, hash, embedding)
  select p_space, a.hash, a.embedding from unnest(p_hashes, p_embeddings) as a (hash, embedding) order by a.hash
  on conflict on constraint ingest_queries_pkey do update
  set embedding = excluded.embedding, text = null, error = null, claimed_until = null
  where q.embedding is null;
$$;

comment on function ingest.ingest_answer_queries(int, bytea[], vectors.vector[]) is 'Keeps the vectors of queries and forgets their texts.';
