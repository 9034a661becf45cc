create or replace function ingest.ingest_note_planned(p_fence ingest.ingest_fence_v1, p_hashes bytea[], p_tokens int[], p_is_estimate boolean) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- In the order of their digests: batches of one request come across the same texts, and would deadlock.
declare
  v_owned uuid[];
begin
  v_owned := ingest.ingest_check_writer(p_fence);
  insert into ingest.ingest_planned_texts (request_id, hash, tokens, is_estimate)
  select v_owned[1], n.hash, n.tokens, p_is_estimate from unnest(p_hashes, p_tokens) as n (hash, tokens)
  order by n.hash on conflict do nothing;
end
$$;

comment on function ingest.ingest_note_planned(ingest.ingest_fence_v1, bytea[], int[], boolean) is
  'Notes texts that a plan came across, and what each would take (null: it is known); a text that stands there already counts once.';
