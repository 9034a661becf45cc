create or replace function ingest.ingest_sum_usage(p_limit int) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  with old as (
    select u.id from ingest.ingest_usage u
    where u.request_id is not null and u.at < date_trunc('day', (select ingest.ingest_now()), 'UTC') - interval '1 day'
    order by u.at limit p_limit for update skip locked
  ), gone as (
    delete from ingest.ingest_usage u using old where u.id = old.id returning u.*
  )
  insert into ingest.ingest_usage (at, tenant, collection, space_id, step, texts, tokens, cost)
  select date_trunc('day', g.at, 'UTC'), g.tenant, g.collection, g.space_id, g.step, sum(g.texts)::bigint, sum(g.tokens)::bigint, sum(g.cost)
  from gone g group by date_trunc('day', g.at, 'UTC'), g.tenant, g.collection, g.space_id, g.step;
$$;

comment on function ingest.ingest_sum_usage(int) is
  'Sums up a page of what was used the day before yesterday or earlier, by day, collection, space and own step: the table grows by days, not by calls.';
