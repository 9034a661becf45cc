create or replace function ingest.ingest_require(p_right text, p_collection text) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if not ingest.ingest_may(p_right, p_collection) then
    raise exception 'role "%" may not % collection "%"', ingest.ingest_caller(),
        case p_right when 'submit' then 'submit to' when 'search' then 'search' when 'operate' then 'operate' else 'search for others in' end,
        left(p_collection, 100)
      using errcode = 'IG040', constraint = 'not_granted',
            hint = format('The owner of the schema can grant it: select ingest.ingest_grant(%L, %L, %L);', ingest.ingest_caller(),
                          case p_right when 'submit' then 'submitter' when 'search' then 'searcher' when 'operate' then 'operator' else p_right end,
                          p_collection);
  end if;
end
$$;

comment on function ingest.ingest_require(text, text) is 'Raises IG040 unless the caller has a right on a collection. Says nothing of whether there is one.';
