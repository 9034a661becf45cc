create or replace function ingest.ingest_check_count(p_name text, p_count int) returns void
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
begin
  if p_count < 1 then
    raise exception '% is %', p_name, p_count
      using errcode = 'IG035', constraint = 'wrong_count', hint = 'Give 1 or more.';
  end if;
end
$$;

comment on function ingest.ingest_check_count(text, int) is 'Raises IG035 where less than one row is asked for.';
