create or replace function ingest.ingest_scope_of(p_uri text, p_under text, p_collection text, p_tenant text) returns ingest.ingest_scope_v1
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_collections text[] := array[p_collection];
begin
  if num_nonnulls(p_collection, p_tenant) <> 1 or num_nonnulls(p_uri, p_under) > 1 or '' in (p_uri, p_collection, p_tenant) then
    raise exception 'what to forget is not clear'
      using errcode = 'IG035', constraint = 'wrong_scope',
            hint = 'Name a collection or a tenant, and a uri, a prefix (under), or neither for everything in it: '
                   'select * from ingest_forget(uri => ''notes/a.md'', collection => ''notes'');';
  elsif p_under = '' then
    raise exception 'the prefix is empty'
      using errcode = 'IG035', constraint = 'empty_prefix', hint = 'It would be everything: if that is meant, leave it out.';
  elsif p_tenant is null then
    perform ingest.ingest_require('operate'::text, p_collection);
    if not exists (select from ingest.ingest_requests r where r.collection = p_collection) then
      perform ingest.ingest_search_config(p_collection);
    end if;
  elsif not ingest.ingest_is_owner() then
    raise exception 'role "%" may not forget what is a tenant''s', ingest.ingest_caller()
      using errcode = 'IG040', constraint = 'not_granted', hint = 'The owner of the schema does; an operator forgets collections.';
  else
    v_collections := array(select c.name from ingest.ingest_collections c where c.tenant = p_tenant order by c.name);
    if cardinality(v_collections) = 0 then
      raise exception 'no collection is of tenant "%"', left(p_tenant, 200)
        using errcode = 'IG014', constraint = 'unknown_tenant', hint = 'See select distinct tenant from ingest_collections.';
    end if;
  end if;
  return (v_collections, p_uri, p_under, null, null, null, null)::ingest.ingest_scope_v1;
end
$$;

comment on function ingest.ingest_scope_of(text, text, text, text) is
  'What a caller means to have forgotten, if it may: operators in a collection, the owner in those of a tenant. IG014 unknown, IG035 not clear, IG040 not granted.';
