create or replace function ingest.ingest_answer_queries(p_space int, p_hashes bytea[], p_embeddings vectors.vector[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '50ms'
as $$
declare
  v_at int;
  v_kept bytea[] := '{}';
begin
  perform set_config('synchronous_commit', 'off', true);  -- of a cache; nobody need wait for the disk
  for v_at in 1 .. cardinality(p_hashes) loop
    begin
      insert into ingest.ingest_queries as q (space_id, hash, embedding, used_at, wanted_until)
      values (p_space, p_hashes[v_at], p_embeddings[v_at], ingest.ingest_now(), ingest.ingest_now() + interval '10 seconds')
      on conflict on constraint ingest_queries_pkey do update  -- asked before a migration
      set embedding = excluded.embedding, text = null, error = null, used_at = excluded.used_at, wanted_until = excluded.wanted_until
      where q.embedding is null;
      v_kept := v_kept || p_hashes[v_at];
    exception when lock_not_available then
      null;  -- the owner has written it and not committed: when the claim lapses, a listener takes the question again
    end;
  end loop;
  delete from ingest.ingest_questions q using (
    select o.id from ingest.ingest_questions o
    where o.space_id = p_space and o.hash = any (v_kept) and o.text is not null for update skip locked
  ) answered where q.id = answered.id;
end
$$;

comment on function ingest.ingest_answer_queries(int, bytea[], vectors.vector[]) is 'Keeps the vectors of queries and deletes the questions. Waits for no lock.';
