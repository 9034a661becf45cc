create or replace function ingest.ingest_right_of(p_as text) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
  v_right text := case p_as when 'submitter' then 'submit' when 'searcher' then 'search' when 'operator' then 'operate'
                            when 'gateway' then 'gateway' when 'listener' then 'listen' end;
begin
  if v_right is null then
    raise exception 'there is no kind of role "%"', p_as
      using errcode = 'IG041', constraint = 'unknown_right',
            hint = 'Grant it as submitter, searcher, operator, gateway or listener.';
  end if;
  return v_right;
end
$$;

comment on function ingest.ingest_right_of(text) is 'The right that a kind of role has: submitter, searcher, operator, gateway or listener. IG041 for another one.';
