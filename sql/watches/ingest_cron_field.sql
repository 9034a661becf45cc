create or replace function ingest.ingest_cron_field(p_field text, p_least int, p_most int, p_names text[]) returns int[]
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_part text;
  v_found text[];
  v_ends int[];
  v_values int[] := '{}';
begin
  foreach v_part in array string_to_array(lower(coalesce(p_field, '?')), ',') loop
    v_found := regexp_match(v_part, '^([*]|([0-9]{1,2}|[a-z]{3})(-([0-9]{1,2}|[a-z]{3}))?)(/([0-9]{1,2}))?$');
    if v_found is null then
      return null;
    end if;
    v_ends := array(
      select case when e.word ~ '^[0-9]' then e.word::int else array_position(p_names, e.word) + p_least - 1 end
      from unnest(array[v_found[2], v_found[4]]) with ordinality as e (word, place) order by e.place);
    if v_found[1] = '*' then
      v_ends := array[p_least, p_most];
    elsif v_found[4] is null and v_ends[1] is not null then
      v_ends[2] := case when v_found[6] is null then v_ends[1] else p_most end;  -- 5/10: from 5 on
    end if;
    if (v_ends[1] between p_least and v_ends[2] and v_ends[2] <= p_most and coalesce(v_found[6]::int, 1) > 0) is not true then
      return null;
    end if;
    v_values := v_values || array(select generate_series(v_ends[1], v_ends[2], coalesce(v_found[6]::int, 1)));
  end loop;
  return array(select distinct v.one from unnest(v_values) as v (one) order by 1);
end
$$;

comment on function ingest.ingest_cron_field(text, int, int, text[]) is
  'The values of a field of a cron line (lists, ranges, steps, names of three letters), in order; null: it is invalid.';
