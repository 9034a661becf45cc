create or replace function ingest.ingest_thin_history() returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- A row stands for all since the one before: the last of five minutes stands for them as well.
declare
  v_thinned int;
begin
  if not pg_try_advisory_xact_lock(ingest.ingest_lock_key('history'::text)) then
    return 0;
  end if;
  delete from ingest.ingest_history h where h.at < ingest.ingest_now() - interval '31 days';
  with slots as (
    select date_bin('5 minutes', h.at, timestamptz 'epoch') as slot, max(h.at) as last, min(h.since) as first
    from ingest.ingest_history h where h.at < (select ingest.ingest_now()) - interval '2 days'
    group by 1 having count(*) > 1 order by 1 limit 300
  ), gone as (
    delete from ingest.ingest_history h using slots s
    where date_bin('5 minutes', h.at, timestamptz 'epoch') = s.slot and h.at < s.last
    returning 1
  ), kept as (
    update ingest.ingest_history h set since = s.first from slots s where h.at = s.last
  )
  select count(*) into v_thinned from gone;
  return v_thinned;
end
$$;

comment on function ingest.ingest_thin_history() is
  'Leaves a row for each five minutes of what is older than two days, and none of what is older than a month; returns how many it thinned out.';
