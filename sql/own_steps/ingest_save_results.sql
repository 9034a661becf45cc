create or replace function ingest.ingest_save_results(
  p_fence ingest.ingest_fence_v1, p_step text, p_model text, p_revisions bigint[], p_keys bytea[], p_results jsonb[], p_tokens bigint, p_reservation bigint,
  p_lost bigint
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- As ingest_save_spent: in one transaction, and a repeat after the answer was lost counts nothing twice (without a cap: not what
-- was lost).
declare
  v_owned uuid[];
  v_texts bigint;
  v_is_first boolean;
  v_price numeric := ingest.ingest_step_price(p_model);
begin
  v_owned := ingest.ingest_check_writer(p_fence);
  with written as (
    insert into ingest.ingest_step_results (revision_id, key, result)
    select n.revision, n.key, n.result from unnest(p_revisions, p_keys, p_results) as n (revision, key, result)
    order by n.revision, n.key on conflict do nothing returning key)
  select count(distinct w.key) into v_texts from written w;
  delete from ingest.ingest_reservations v where v.id = p_reservation and v.owner = p_fence.owner;
  v_is_first := found or p_reservation is null;
  v_texts := v_texts + case when v_is_first then p_lost else 0 end;
  if v_texts = 0 then
    return;
  end if;
  insert into ingest.ingest_usage (at, tenant, collection, space_id, request_id, step, texts, tokens, cost)
  select ingest.ingest_now(), coalesce(r.settings ->> 'tenant', ''), r.collection, (r.settings ->> 'space_id')::int, r.id, p_step, v_texts, p_tokens,
         p_tokens * v_price / 1000000
  from ingest.ingest_requests r where r.id = v_owned[1];
  perform ingest.ingest_add_spent(array[row(v_owned[1], 0, v_texts::int, p_tokens)::ingest.ingest_count_v1], v_price);
end
$$;

comment on function ingest.ingest_save_results(ingest.ingest_fence_v1, text, text, bigint[], bytea[], jsonb[], bigint, bigint, bigint) is
  'Keeps what a paid own step made of texts, which were reserved where caps hold, and counts what it took; p_lost: texts that may have been sent, and of which nothing came.';
