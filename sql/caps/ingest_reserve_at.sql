create or replace function ingest.ingest_reserve_at(
  p_fence ingest.ingest_fence_v1, p_tokens bigint[], p_price numeric, p_model text, out granted int, out reservation bigint, out reached jsonb
) returns record
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- The rows of the caps are locked in one order, so N listeners reserve one after the other, and never more than there is. What a
-- call costs is known after it: what it was less than was reserved is free again, and is worth waiting for.
declare
  v_owned uuid[];
  v_request ingest.ingest_requests;
  v_next numeric;
  v_cap record;
  v_used record;
  v_fits int;
begin
  v_owned := ingest.ingest_check_writer(p_fence);
  select r.* into v_request from ingest.ingest_requests r where r.id = v_owned[1];
  v_next := p_tokens[1] * p_price / 1000000;
  granted := cardinality(p_tokens);
  for v_cap in select c.* from ingest.ingest_caps_of(v_request) c order by c.scope loop
    v_used := ingest.ingest_lock_spent(v_cap.scope, v_cap.name, v_cap.month);
    if v_cap.max_texts is not null then
      granted := least(granted, greatest(0, v_cap.max_texts - v_used.texts - v_used.open_texts));
    end if;
    if granted = 0 and v_used.texts >= v_cap.max_texts then
      reached := ingest.ingest_caps_reached(v_owned, v_cap.scope, v_cap.name, v_cap.month, 'texts'::text, v_cap.max_texts::numeric, v_used.texts::numeric, 1::numeric);
    end if;
    exit when granted = 0;
    continue when v_cap.max_cost is null;
    perform ingest.ingest_require_price(v_request, p_price, p_model);
    select count(*) into v_fits from (
      select sum(t.tokens) over (order by t.place) as upto from unnest(p_tokens) with ordinality as t (tokens, place)) s
    where s.upto * p_price / 1000000 <= v_cap.max_cost - v_used.cost - v_used.open_cost;
    granted := least(granted, v_fits);
    if granted = 0 and v_next > v_cap.max_cost - v_used.cost then
      reached := ingest.ingest_caps_reached(v_owned, v_cap.scope, v_cap.name, v_cap.month, 'cost'::text, v_cap.max_cost, v_used.cost, v_next);
    end if;
    exit when granted = 0;
  end loop;
  if granted > 0 then
    insert into ingest.ingest_reservations as v (requests, batch, owner, tenant, collection, texts, cost, at)
    values (v_owned, p_fence.batch, p_fence.owner, coalesce(v_request.settings ->> 'tenant', ''), v_request.collection, granted,
            coalesce((select sum(t.tokens) from unnest(p_tokens[:granted]) as t (tokens)) * p_price / 1000000, 0), ingest.ingest_now())
    returning v.id into reservation;
  end if;
end
$$;

comment on function ingest.ingest_reserve_at(ingest.ingest_fence_v1, bigint[], numeric, text) is
  'Reserves the first texts of some under all caps that hold, before they are sent. p_tokens: what to reserve for each; p_price: of a million, for p_model. granted: how many may be sent; 0: none, '
  'since a cap is reached (reached: the error, by request), or for now: what others have reserved may become free. IG044 if no price is known.';
