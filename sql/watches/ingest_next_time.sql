create or replace function ingest.ingest_next_time(p_cron text, p_zone text, p_after timestamptz) returns timestamptz
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
-- With a star as the hour it goes by real time. Else by the clock on the wall: a time that the zone skips comes as much
-- later as is skipped, one that it repeats comes once.
declare
  v_times record;
  v_day date := (p_after at time zone p_zone)::date - 1;  -- what is skipped may lie behind midnight
  v_next timestamptz;
begin
  v_times := ingest.ingest_cron_times(p_cron);
  for v_try in 0 .. 3300 loop  -- nine years: from 29 February 2096 it is eight to the next
    if extract(month from v_day)::int = any (v_times.months)
       and (case when v_times.any_day or v_times.any_weekday
             then extract(day from v_day)::int = any (v_times.days) and extract(dow from v_day)::int = any (v_times.weekdays)
             else extract(day from v_day)::int = any (v_times.days) or extract(dow from v_day)::int = any (v_times.weekdays) end) then
      if v_times.any_hour then
        select min(t.at) into v_next
        from generate_series(greatest(v_day::timestamp at time zone p_zone, date_trunc('minute', p_after)),
                             (v_day + 1)::timestamp at time zone p_zone, interval '1 minute') as t (at)
        cross join lateral (select t.at at time zone p_zone as wall) w
        where t.at > p_after and w.wall::date = v_day and extract(hour from w.wall)::int = any (v_times.hours)
          and extract(minute from w.wall)::int = any (v_times.minutes);
      else
        select min(t.at) into v_next
        from unnest(v_times.hours) as h (hour) cross join unnest(v_times.minutes) as m (minute)
        cross join lateral (select (v_day + make_interval(hours => h.hour, mins => m.minute)) at time zone p_zone as at) t
        where t.at > p_after;
      end if;
      exit when v_next is not null;
    end if;
    v_day := v_day + 1;
  end loop;
  return v_next;
end
$$;

comment on function ingest.ingest_next_time(text, text, timestamptz) is
  'The first time after another that a cron line names in a time zone; null: there is none (30 February). IG051 if it can''t be read.';
