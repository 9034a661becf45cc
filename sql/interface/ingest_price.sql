create or replace function ingest.ingest_price(p_model text, p_per_million numeric, p_endpoint text default '') returns numeric
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if p_model is null or octet_length(p_model) not between 1 and 4000 or p_per_million not between 0 and 1e9 then
    raise exception 'a million tokens of model "%" can''t cost %', left(p_model, 100), p_per_million
      using errcode = 'IG012', constraint = 'wrong_price', hint = 'Like select ingest_price(''text-embedding-3-small'', 0.02); null takes a price away.';
  end if;
  if p_per_million is null then
    delete from ingest.ingest_prices p where p.model = p_model and p.endpoint = coalesce(p_endpoint, '');
  else
    insert into ingest.ingest_prices as p (model, endpoint, per_million) values (p_model, coalesce(p_endpoint, ''), p_per_million)
    on conflict on constraint ingest_prices_pkey do update set per_million = excluded.per_million;
  end if;
  return p_per_million;
end
$$;

comment on function ingest.ingest_price(text, numeric, text) is
  'Says what a million tokens of a model cost from now on, at one endpoint or (empty) at all; null: unknown again. In whatever currency caps and '
  'usage are to be in. It goes before INGEST_PRICE_PER_MILLION_TOKENS. For the owner. IG012 wrong price.';
