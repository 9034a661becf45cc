create or replace function ingest.ingest_cron_times(
  p_cron text, out minutes int[], out hours int[], out days int[], out months int[], out weekdays int[],
  out any_hour boolean, out any_day boolean, out any_weekday boolean
) returns record
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_fields text[] := regexp_split_to_array(
    case lower(btrim(left(p_cron, 200)))
      when '@hourly' then '0 * * * *' when '@daily' then '0 0 * * *' when '@midnight' then '0 0 * * *'
      when '@weekly' then '0 0 * * 0' when '@monthly' then '0 0 1 * *' when '@yearly' then '0 0 1 1 *' when '@annually' then '0 0 1 1 *'
      else btrim(left(p_cron, 200)) end, '[[:space:]]+');
begin
  minutes := ingest.ingest_cron_field(v_fields[1], 0, 59, '{}'::text[]);
  hours := ingest.ingest_cron_field(v_fields[2], 0, 23, '{}'::text[]);
  days := ingest.ingest_cron_field(v_fields[3], 1, 31, '{}'::text[]);
  months := ingest.ingest_cron_field(v_fields[4], 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}'::text[]);
  weekdays := ingest.ingest_cron_field(v_fields[5], 0, 7, '{sun,mon,tue,wed,thu,fri,sat}'::text[]);
  if cardinality(v_fields) <> 5 or octet_length(p_cron) > 200
     or num_nulls(minutes, hours, days, months, weekdays) > 0 then
    raise exception 'cron "%" can''t be parsed', left(p_cron, 200)
      using errcode = 'IG051', constraint = 'wrong_cron',
            hint = 'Five fields: minute, hour, day of the month, month, day of the week. Like ''30 2 * * mon-fri'', ''*/15 * * * *'' or ''@daily''.';
  end if;
  weekdays := array(select distinct w.one % 7 from unnest(weekdays) as w (one) order by 1);
  any_hour := v_fields[2] like '*%';
  any_day := v_fields[3] like '*%';
  any_weekday := v_fields[5] like '*%';
end
$$;

comment on function ingest.ingest_cron_times(text) is
  'The times of a cron line; any_…: the field begins with a star. Sunday is 0. IG051 if it can''t be parsed.';
