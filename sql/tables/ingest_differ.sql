create or replace function ingest.ingest_differ(p_relation oid, p_columns text[], p_old text, p_new text) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- Where equal values are the same, their own operator is quickest; of text, under a collation that takes none for equal that differ.
  with watched as (
    select format('%s.%I', p_old, c.name) as old, format('%s.%I', p_new, c.name) as new, b.typtype = 'e' or b.oid in (
             'bool'::regtype, 'int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'uuid'::regtype, 'date'::regtype, 'timestamp'::regtype,
             'timestamptz'::regtype, 'bytea'::regtype) as is_exact, b.oid in ('text'::regtype, 'varchar'::regtype) as is_text, c.place
    from unnest(p_columns) with ordinality as c (name, place)
    join pg_attribute a on a.attrelid = p_relation and a.attname = c.name and a.attnum > 0 and not a.attisdropped
    join pg_type b on b.oid = ingest.ingest_base_type(a.atttypid))
  select string_agg(d.differ, ' or ') from (
    select case when w.is_text then format('%s is distinct from %s collate "C"', w.old, w.new) else format('%s is distinct from %s', w.old, w.new) end as differ
    from watched w where w.is_exact or w.is_text
    union all
    select format('record_image_ne(row(%s), row(%s))', string_agg(w.old, ', ' order by w.place), string_agg(w.new, ', ' order by w.place))
    from watched w where not (w.is_exact or w.is_text) having count(*) > 0) d;
$$;

comment on function ingest.ingest_differ(oid, text[], text, text) is
  'The expression that tells whether one of the columns differs between two rows, byte by byte: others'' operators are not run with the owner''s rights.';
