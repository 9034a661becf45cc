create or replace function ingest.ingest_change_tenant(p_collection text, p_tenant text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '5s'
as $$
declare
  v_new boolean;
begin
  select c.created_at = now() into v_new
  from ingest.ingest_collections c where c.name = p_collection and c.tenant <> p_tenant;
  if not found then
    return;
  end if;
  if not ingest.ingest_is_owner() then
    raise exception 'role "%" may not set the tenant of collection "%"', ingest.ingest_caller(), p_collection
      using errcode = 'IG040', constraint = 'not_granted', hint = 'Only the owner may: collections of a tenant share what was embedded.';
  end if;
  if octet_length(p_tenant) > 48 or p_tenant ~ '[[:cntrl:]]' then
    raise exception 'tenant "%" is not a usable name', left(p_tenant, 100)
      using errcode = 'IG012', constraint = 'wrong_tenant_name', hint = 'A tenant''s name has at most 48 bytes and no control characters.';
  end if;
  -- A claim reads the tenant, and locks nothing for it. It does not yet see a new collection.
  if not v_new then
    lock table ingest.ingest_requests in share row exclusive mode;
  end if;
  if exists (select from ingest.ingest_documents d where d.collection = p_collection)
     or exists (select from ingest.ingest_requests r where r.collection = p_collection and r.status in ('pending', 'running')) then
    raise exception 'collection "%" has documents or unfinished requests', p_collection
      using errcode = 'IG013', constraint = 'tenant_in_use',
            hint = 'Cancel the requests and delete the documents first, or ingest into another collection.';
  end if;
  update ingest.ingest_collections c set tenant = p_tenant where c.name = p_collection;
end
$$;

comment on function ingest.ingest_change_tenant(text, text) is
  'Gives an empty collection to another tenant. For the owner. No INSERT of a request continues until its transaction ends.';
