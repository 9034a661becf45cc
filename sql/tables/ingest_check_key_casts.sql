create or replace function ingest.ingest_check_key_casts(p_relation oid, p_named text, p_key text[]) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
-- "m = m" could then mean the comparison of enums or of what they are cast to, and Postgres refuses to choose.
declare
  v_wrong text;
  v_cast text;
begin
  select format('"%s" (%s)', a.attname, format_type(a.atttypid, null)), format('(%s as %s)', k.castsource::regtype, k.casttarget::regtype)
  into v_wrong, v_cast
  from pg_attribute a join pg_cast k on k.castsource = ingest.ingest_base_type(a.atttypid) and k.castcontext = 'i' and k.casttarget < 16384
  where a.attrelid = p_relation and a.attname = any (p_key) and not a.attisdropped and k.castsource >= 16384
  order by a.attnum limit 1;
  if v_wrong is not null then
    raise exception 'the key column % of % has a type with an implicit cast, so its values can''t be compared', v_wrong, p_named
      using errcode = 'IG060', constraint = 'no_key',
            hint = format('Have its owner recreate that cast as assignment: drop cast %s, then create cast … as assignment. Or name another key.', v_cast);
  end if;
end
$$;

comment on function ingest.ingest_check_key_casts(oid, text, text[]) is
  'Raises IG060 where a column of a key is an enum with an implicit cast to a type of Postgres''s own.';
