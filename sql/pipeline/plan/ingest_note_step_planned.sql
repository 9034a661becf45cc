create or replace function ingest.ingest_note_step_planned(p_fence ingest.ingest_fence_v1, p_step text, p_hashes bytea[], p_tokens int[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- As ingest_note_planned. A text that is known was so when another batch came across it, or has become it since: it stays what it was.
declare
  v_owned uuid[];
begin
  v_owned := ingest.ingest_check_writer(p_fence);
  insert into ingest.ingest_planned_texts (request_id, hash, tokens, is_estimate, step)
  select v_owned[1], n.hash, n.tokens, true, p_step from unnest(p_hashes, p_tokens) as n (hash, tokens)
  order by n.hash on conflict do nothing;
end
$$;

comment on function ingest.ingest_note_step_planned(ingest.ingest_fence_v1, text, bytea[], int[]) is
  'Notes texts that a paid own step would be given, and what each would take (null: what it makes of it is known); a text that stands there already counts once.';
