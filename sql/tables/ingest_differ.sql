create or replace function ingest.ingest_differ(p_relation oid, p_columns text[], p_old text, p_new text) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- Where equal values are the same, their own operator is quickest; of text, under a collation that takes none for equal that differ.
  -- Not "is distinct from": that looks its operator up in the writer's search path.
  with watched as (
    select format('%s.%I', p_old, c.name) as old, format('%s.%I', p_new, c.name) as new, b.oid in (
             'bool'::regtype, 'int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'uuid'::regtype, 'date'::regtype, 'timestamp'::regtype,
             'timestamptz'::regtype, 'bytea'::regtype) as is_exact, b.oid in ('text'::regtype, 'varchar'::regtype) as is_text, c.place
    from unnest(p_columns) with ordinality as c (name, place)
    join pg_attribute a on a.attrelid = p_relation and a.attname = c.name and a.attnum > 0 and not a.attisdropped
    join pg_type b on b.oid = ingest.ingest_base_type(a.atttypid))
  select string_agg(d.differ, ' or ') from (
    select format('(%1$s operator(pg_catalog.<>) %2$s%3$s) is not false and (%1$s is not null or %2$s is not null)', w.old, w.new,
                  case when w.is_text then ' collate pg_catalog."C"' end) as differ
    from watched w where w.is_exact or w.is_text
    union all
    select format('pg_catalog.record_image_ne(row(%s), row(%s))', string_agg(w.old, ', ' order by w.place), string_agg(w.new, ', ' order by w.place))
    from watched w where not (w.is_exact or w.is_text) having count(*) > 0) d;
$$;

comment on function ingest.ingest_differ(oid, text[], text, text) is
  'The expression that tells whether one of the columns differs between two rows, byte by byte: others'' operators are not run with the owner''s rights.';
