create or replace function ingest.ingest_table_key(p_relation oid, p_named text, p_key text[]) returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_index record;
  v_wrong text;
begin
  -- The primary key, or a unique index on just these columns. None may be null, and equality has to be Postgres's own.
  select array_agg(a.attname::text order by array_position(i.indkey::int2[], a.attnum)) as columns,
         string_agg(format('"%s" (%s)', a.attname, format_type(a.atttypid, null)), ', ')
           filter (where not ingest.ingest_is_own_type(a.atttypid) and ingest.ingest_base_type(a.atttypid) not in (
             select e.oid from pg_type e where e.typtype = 'e')) as foreign_types
  into v_index
  from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey::int2[])
  where i.indrelid = p_relation and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null and i.indimmediate
    and i.indnatts = i.indnkeyatts
  group by i.indexrelid, i.indisprimary
  having case when p_key is null then i.indisprimary
              else array_agg(a.attname::text order by a.attname) = (select array_agg(k.name order by k.name) from unnest(p_key) as k (name))
                   and bool_and(a.attnotnull) end
  order by i.indisprimary desc limit 1;
  if v_index.columns is null then
    raise exception '% has no % that identifies its rows', p_named, case when p_key is null then 'primary key' else format('key {%s}', array_to_string(p_key, ',')) end
      using errcode = 'IG060', constraint = 'no_key',
            hint = 'Give the columns of its primary key, or of a unique index on not-null columns: key => ''id'', or ''{tenant,id}''.';
  elsif v_index.foreign_types is not null then
    raise exception 'the key of % has a type that does not come with Postgres: %', p_named, v_index.foreign_types
      using errcode = 'IG060', constraint = 'no_key',
            hint = 'Name another unique key, of built-in types: numbers, text, uuid, times, enums.';
  end if;
  return v_index.columns;
end
$$;

comment on function ingest.ingest_table_key(oid, text, text[]) is 'The columns of a table''s key, in the order of its index: the given ones, otherwise its primary key. IG060 if none is suitable.';
