create or replace function ingest.ingest_search_as_caller(p_wanted ingest.ingest_wanted_v1) returns setof ingest.ingest_hit_v2
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
-- With an administrator's own policies on the tables, these decide too: everything is read as the caller, at their price.
begin
  if not ingest.ingest_has_own_policies() then
    return query select * from ingest.ingest_search_by_right(p_wanted);
  else
    return query select * from ingest.ingest_find(p_wanted);
  end if;
end
$$;

comment on function ingest.ingest_search_as_caller(ingest.ingest_wanted_v1) is
  'A search by a text or a vector, by the caller''s right; as the caller where an administrator has made policies of his own.';
