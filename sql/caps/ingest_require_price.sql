create or replace function ingest.ingest_require_price(p_request ingest.ingest_requests, p_price numeric, p_model text) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if p_price is null and not ingest.ingest_is_plan(p_request)
     and exists (select from ingest.ingest_caps_of(p_request) c where c.max_cost is not null) then
    raise exception 'what request % may cost is capped, and no price of model "%" is known', p_request.id, p_model
      using errcode = 'IG044', constraint = 'price_unknown',
            hint = format('The owner says what a million tokens cost: select ingest_price(%L, 0.02); or INGEST_PRICE_PER_MILLION_TOKENS of the listeners. '
                          'Then: select ingest_retry(%L)', p_model, p_request.id);
  end if;
end
$$;

comment on function ingest.ingest_require_price(ingest.ingest_requests, numeric, text) is 'Raises IG044 where a cap of cost holds for a request, and p_price, of p_model, is not known.';
