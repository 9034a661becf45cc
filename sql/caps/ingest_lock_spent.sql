create or replace function ingest.ingest_lock_spent(
  p_scope text, p_name text, p_month date, out texts bigint, out cost numeric, out open_texts bigint, out open_cost numeric
) returns record
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  if not exists (select from ingest.ingest_spent s where s.scope = p_scope and s.name = p_name and s.month = p_month) then
    insert into ingest.ingest_spent (scope, name, month, texts, cost)
    select p_scope, p_name, p_month, coalesce(sum(u.texts), 0), coalesce(sum(u.cost), 0) from (
      select u.texts, u.cost from ingest.ingest_usage u
      where p_scope <> 'request' and u.at >= p_month::timestamp at time zone 'UTC'
        and case p_scope when 'tenant' then u.tenant else u.collection end = p_name
      union all
      select b.texts, b.tokens * ingest.ingest_price_of(r.settings, b.executor_id) / 1000000
      from ingest.ingest_requests r join ingest.ingest_batches b on b.request_id = r.id
      where p_scope = 'request' and r.id::text = p_name
      union all
      select o.texts, o.cost from ingest.ingest_usage o
      where p_scope = 'request' and o.step is not null and o.request_id::text = p_name) u
    on conflict do nothing;
  end if;
  select s.texts, s.cost into ingest_lock_spent.texts, ingest_lock_spent.cost from ingest.ingest_spent s
  where s.scope = p_scope and s.name = p_name and s.month = p_month for no key update;
  select coalesce(sum(v.texts), 0), coalesce(sum(v.cost), 0) into open_texts, open_cost from ingest.ingest_reservations v
  where case p_scope when 'tenant' then v.tenant = p_name when 'collection' then v.collection = p_name else p_name::uuid = any (v.requests) end
    and ingest.ingest_is_open(v);
end
$$;

comment on function ingest.ingest_lock_spent(text, text, date) is
  'What of a cap is used, and what is reserved and on its way; nobody else reserves of it until the transaction ends.';
