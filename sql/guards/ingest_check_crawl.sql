create or replace function ingest.ingest_check_crawl(p_crawl jsonb) returns void
language plpgsql immutable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_wrong text;
begin
  select key into v_wrong from jsonb_each(p_crawl)
  where case when jsonb_typeof(value) <> 'number' then true
        when value::numeric <> trunc(value::numeric) then true
        when key = 'depth' then value::numeric not between 0 and 100
        when key = 'pages' then value::numeric not between 1 and 100000
        else true end
  limit 1;
  if v_wrong is not null then
    raise exception 'option "crawl" has a wrong "%"', left(v_wrong, 100)
      using errcode = 'IG004', constraint = 'wrong_option_type',
            hint = 'Write it like {"depth": 5, "pages": 500}: whole numbers, a depth of 0 to 100, 1 to 100000 pages.';
  end if;
end
$$;

comment on function ingest.ingest_check_crawl(jsonb) is 'Raises IG004 where the option that says how far a crawl goes is wrong.';
