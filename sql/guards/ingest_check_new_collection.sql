create or replace function ingest.ingest_check_new_collection(p_role name, p_collection text, p_most int) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Collections are made by the claim, so those that are asked for are written down. Not under a key, which would let
-- inserters of open transactions wait for each other; but the second new one of a transaction comes one at a time. (By the time:
-- a row of a savepoint has an xmin of its own.)
declare
  v_count int;
begin
  if exists (select from ingest.ingest_new_collections n where n.role = p_role and n.collection = p_collection) then
    return;
  end if;
  if exists (select from ingest.ingest_new_collections n where n.role = p_role and n.named_at >= now()) then
    perform ingest.ingest_lock_bulk(p_role);
  end if;
  for v_try in 1 .. 2 loop
    select count(*) into v_count from (
      select n.collection from ingest.ingest_new_collections n
      where n.role = p_role and not exists (select from ingest.ingest_collections c where c.name = n.collection)
      union
      select c.name from ingest.ingest_collections c where c.created_by = p_role) brought;
    exit when v_count < p_most or v_try = 2;
    -- A request cancelled before a claim takes no place.
    delete from ingest.ingest_new_collections n
    where n.role = p_role and n.collection not in (
      select r.collection from ingest.ingest_requests r where r.status in ('pending', 'running') and r.submitted_by = p_role::text);
  end loop;
  if v_count >= p_most then
    raise exception 'role "%" may create at most % collections, and has', p_role, p_most
      using errcode = 'IG043', constraint = 'too_many_collections',
            hint = 'Submit to an existing one, or have the owner create it: select ingest_collection(name). The owner can also raise the limit: '
                   'select ingest_limit(role, ''{"max_new_collections": n}'').';
  end if;
  insert into ingest.ingest_new_collections (role, collection) values (p_role, p_collection);
end
$$;

comment on function ingest.ingest_check_new_collection(name, text, int) is
  'Raises IG043 if a submitter asks for more new collections than it may; otherwise records that it did.';
