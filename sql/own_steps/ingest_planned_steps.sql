create or replace function ingest.ingest_planned_steps(p_request ingest.ingest_requests) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
           'name', s.one ->> 'name', 'model', m.model, 'known_texts', t.known, 'new_texts', t.new, 'tokens', t.tokens,
           'cost', case when t.new = 0 then 0 else round(ceil(m.price * t.tokens) / 1000000, 6) end, 'price_per_million_tokens', m.price) order by s.place), '[]')
  from jsonb_array_elements(p_request.settings -> 'steps') with ordinality as s (one, place)
  join ingest.ingest_listeners l on l.executor_id = p_request.executor_id
  cross join lateral (
    select n.model, ingest.ingest_step_price(n.model) as price
    from (select coalesce(s.one -> 'options' ->> 'model', format('step %s', s.one ->> 'name')) as model) n) m
  cross join lateral (
    select count(*) filter (where p.tokens is null) as known, count(p.tokens) as new, coalesce(sum(p.tokens), 0) as tokens
    from ingest.ingest_planned_texts p where p.request_id = p_request.id and p.step = s.one ->> 'name') t
  where (l.steps -> (s.one ->> 'name') ->> 'paid')::boolean;
$$;

comment on function ingest.ingest_planned_steps(ingest.ingest_requests) is
  'What a plan has come across for the paid own steps of its collection, in their order.';
