create or replace function ingest.ingest_sum_plan(p_request uuid) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- What stays of it are these counts, and the documents that would fail.
declare
  v_request ingest.ingest_requests := (select r from ingest.ingest_requests r where r.id = p_request);
  v_price numeric := ingest.ingest_price_of(v_request.settings, v_request.executor_id);
  v_documents jsonb;
  v_texts jsonb;
  v_steps jsonb := ingest.ingest_planned_steps(v_request);
  v_gone bigint;
begin
  if (v_request.options ->> 'mirror')::boolean and (v_request.listing ->> 'complete')::boolean then
    select count(*) into v_gone from ingest.ingest_gone(p_request) g
    where g.is_gone and not exists (
      select from ingest.ingest_document_origins o where o.document_id = g.id and o.origin <> ingest.ingest_origin(v_request));
  end if;
  select jsonb_build_object(
           'found', count(*) + coalesce(v_request.documents_unchanged, 0),
           'documents', count(*) filter (where v.reason = 'planned'),
           'by_type', (
             select coalesce(jsonb_object_agg(t.type, t.documents), '{}') from (
               select coalesce(lower(substring(p.uri from '[.]([[:alnum:]]{1,8})$')), p.media_type, 'other') as type, count(*) as documents from ingest.ingest_revisions p
               where p.request_id = p_request and p.reason = 'planned' group by 1) t),
           'unchanged', count(*) filter (where v.reason = 'unchanged') + coalesce(v_request.documents_unchanged, 0),
           'left_out', count(*) filter (where v.reason not in ('planned', 'unchanged')),
           'failed', count(*) filter (where v.state = 'failed'),
           'failures', (
             select coalesce(jsonb_object_agg(f.code, f.documents), '{}') from (
               select e.error ->> 'code' as code, count(*) as documents from ingest.ingest_revisions e
               where e.request_id = p_request and e.state = 'failed' group by 1) f),
           'bytes', coalesce(sum(v.bytes) filter (where v.reason = 'planned'), 0),
           'chunks', coalesce(sum(cardinality(v.starts)) filter (where v.reason = 'planned'), 0))
  into v_documents from ingest.ingest_revisions v where v.request_id = p_request;
  select jsonb_build_object(
           'known_texts', count(*) filter (where t.tokens is null), 'new_texts', count(t.tokens), 'tokens', coalesce(sum(t.tokens), 0),
           'tokens_are', case when bool_or(t.is_estimate and t.tokens is not null) then 'estimated' else 'counted' end,
           'cost', case when count(t.tokens) = 0 then 0 else round(ceil(v_price * sum(t.tokens)) / 1000000, 6) end, 'price_per_million_tokens', v_price)
  into v_texts from ingest.ingest_planned_texts t where t.request_id = p_request and t.step is null;
  delete from ingest.ingest_planned_texts t where t.request_id = p_request;
  delete from ingest.ingest_revisions v where v.request_id = p_request and v.state = 'skipped';
  return v_documents || v_texts || jsonb_build_object(
    'gone', v_gone, 'steps', v_steps,
    'model', v_request.settings ->> 'model', 'embedder', v_request.settings ->> 'embedder',
    'hint', case when v_texts -> 'cost' = 'null' then format(
      'No price is known. Say what a million tokens cost: select ingest_price(%L, 0.02); or INGEST_PRICE_PER_MILLION_TOKENS of the listener',
      v_request.settings ->> 'model')
      else (select format('No price of the step %s is known. Say what a million tokens cost: select ingest_price(%L, 0.3)', s.one ->> 'name', s.one ->> 'model')
            from jsonb_array_elements(v_steps) as s (one) where s.one -> 'cost' = 'null' limit 1) end);
end
$$;

comment on function ingest.ingest_sum_plan(uuid) is
  'What a plan found, as one object, when all of its documents are through; drops what it was counted from, but for the documents that failed.';
