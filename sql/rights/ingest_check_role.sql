create or replace function ingest.ingest_check_role(p_as text, p_collection text default null)
returns table (what text, ok boolean, hint text)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
-- As the caller, so that the answers apply to it.
declare
  v_right text := ingest.ingest_right_of(p_as);
  v_role name := ingest.ingest_caller();
  v_schema oid := (select c.relnamespace from pg_class c where c.oid = 'ingest.ingest_requests'::regclass);
  v_grant text := format('As the owner: ingest grant %s --as %s', v_role, p_as) || coalesce(' --collection ' || quote_ident(p_collection), '');
begin
  return query select 'usage of the schema'::text, has_schema_privilege(v_role, v_schema, 'usage'), v_grant;
  return query
    select format('right of a %s in %s', p_as, coalesce('collection "' || p_collection || '"', 'at least one collection')),
           ingest.ingest_may(v_right, coalesce(p_collection, ''))
           or (p_collection is null and cardinality(ingest.ingest_collections_for(v_right)) > 0), v_grant;
  return query
    select format('%s of %s', lower(t.privilege), t.name), has_table_privilege(v_role, t.relation, t.privilege), v_grant
    from (values ('submit', 'ingest_status', 'ingest.ingest_status'::regclass, 'SELECT'),
                 ('search', 'ingest_chunks', 'ingest.ingest_chunks'::regclass, 'SELECT'),
                 ('operate', 'ingest_status', 'ingest.ingest_status'::regclass, 'SELECT'),
                 ('operate', 'ingest_requests', 'ingest.ingest_requests'::regclass, 'DELETE'),
                 ('listen', 'ingest_requests', 'ingest.ingest_requests'::regclass, 'SELECT')) as t (may, name, relation, privilege)
    where t.may = v_right;
  if v_right = 'submit' then
    return query select 'insert of ingest_requests'::text, has_column_privilege(v_role, 'ingest.ingest_requests', 'source', 'INSERT'), v_grant;
    return query
      select 'no insert of the system''s columns'::text,
             not has_column_privilege(v_role, 'ingest.ingest_requests', 'status', 'INSERT') or ingest.ingest_is_owner(),
             format('As the owner: revoke insert on ingest_requests from %I; then ingest grant again', v_role);
  end if;
  return query
    select format('calls of %s functions, %s among them', count(*), min(p.proname)), false, v_grant
    from pg_proc p
    where p.pronamespace = v_schema and p.proname like E'ingest\\_%' and ingest.ingest_is_for(p.proname, v_right)
      and not has_function_privilege(v_role, p.oid, 'execute')
    having count(*) > 0;
  if v_right = 'gateway' then
    return query select 'right of a searcher, too'::text,
      ingest.ingest_may('search'::text, coalesce(p_collection, '')) or (p_collection is null and cardinality(ingest.ingest_collections_for('search'::text)) > 0),
      replace(v_grant, 'gateway', 'searcher');
  end if;
end
$$;

comment on function ingest.ingest_check_role(text, text) is
  'What the caller needs to be submitter, searcher, operator, gateway or listener, whether it has it, and what gives it. IG041 unknown kind.';
