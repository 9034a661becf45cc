create or replace function ingest.ingest_check_schedule(p_watch ingest.ingest_watch_store) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if num_nonnulls(p_watch.every, p_watch.cron) > 1 or (num_nonnulls(p_watch.every, p_watch.cron) = 0 and not p_watch.on_change) then
    raise exception 'watch "%" has %', p_watch.name, case when p_watch.cron is null then 'no schedule' else 'two schedules' end
      using errcode = 'IG051', constraint = 'wrong_schedule',
            hint = 'Give one of every => ''1 hour'' and cron => ''30 2 * * *'', or on_change => true, which goes with both.';
  elsif p_watch.every not between interval '10 seconds' and interval '366 days' then
    raise exception 'watch "%" would look every %', p_watch.name, p_watch.every
      using errcode = 'IG051', constraint = 'wrong_schedule', hint = 'Give every => 10 seconds to 366 days. For a local folder, on_change notices within a second.';
  elsif p_watch.on_change and ingest.ingest_locate(p_watch.source) not like '/%' then
    raise exception 'changes of % can''t be noticed', left(p_watch.source, 200)
      using errcode = 'IG051', constraint = 'not_local', hint = 'on_change is for folders and files of a listener''s host: give every or cron.';
  elsif p_watch.time_zone is not null and p_watch.cron is null then
    raise exception 'watch "%" has a time zone and no cron', p_watch.name
      using errcode = 'IG051', constraint = 'wrong_schedule', hint = 'A time zone applies only to cron: leave it out.';
  elsif p_watch.time_zone is not null and not exists (select from pg_timezone_names z where lower(z.name) = lower(p_watch.time_zone)) then
    raise exception 'there is no time zone "%"', left(p_watch.time_zone, 100)
      using errcode = 'IG051', constraint = 'wrong_time_zone', hint = 'Give a name like Europe/Berlin or UTC: select name from pg_timezone_names.';
  elsif p_watch.cron is not null and ingest.ingest_next_time(p_watch.cron, coalesce(p_watch.time_zone, 'UTC'), ingest.ingest_now()) is null then
    raise exception 'cron "%" names no time', p_watch.cron
      using errcode = 'IG051', constraint = 'wrong_cron', hint = 'That day does not exist.';
  end if;
end
$$;

comment on function ingest.ingest_check_schedule(ingest.ingest_watch_store) is 'Raises IG051 where a watch does not say when to look, or says it wrongly.';
