create or replace function ingest.ingest_refuse_own_policies() returns void
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  if ingest.ingest_has_own_policies() and not ingest.ingest_is_owner() then
    raise exception 'your own policies on documents or chunks apply here, and this function would bypass them'
      using errcode = 'IG040', constraint = 'own_policies',
            hint = 'Read ingest_documents and ingest_chunks, or search: your policies apply there.';
  end if;
end
$$;

comment on function ingest.ingest_refuse_own_policies() is
  'Raises IG040 for everybody but the owner where an administrator''s own policies decide what is seen: a function that reads as the owner would pass them by.';
