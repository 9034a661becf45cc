create or replace function ingest.ingest_make_chunks_view(p_collection text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_view text := format('%I.%I', '{schema}', 'ingest_chunks_' || p_collection);
  v_space ingest.ingest_spaces;
  v_statement text;
  v_granted aclitem[] := (select k.relacl from pg_class k where k.oid = to_regclass(v_view));
  v_grant record;
  v_role record;
  v_column record;
  v_generation int := (select c.generation from ingest.ingest_collections c where c.name = p_collection);
begin
  select s.* into strict v_space from ingest.ingest_collections c join ingest.ingest_spaces s on s.id = c.space_id
  where c.name = p_collection;
  v_statement := format(
    '%1$s with (security_invoker = true) as
     select d.uri, c.ordinal, d.title, c.text, c.start_char, c.end_char, c.metadata,
            c.embedding::vectors.vector(%2$s) as embedding, c.revision_id, c.revision_id || ''-'' || c.ordinal as id,
            c.embedding::vectors.halfvec(%2$s) as embedding_half
     from ingest.ingest_chunk_store c join ingest.ingest_documents d on d.revision_id = c.revision_id
     where c.collection = %3$L and d.collection = %3$L and c.space_id = %4$s and c.generation = %5$s',
    'create view ' || v_view, v_space.dimensions, p_collection, v_space.id, v_generation);
  if obj_description(to_regclass(v_view), 'pg_class') like 'Live chunks of collection %' then
    begin
      execute overlay(v_statement placing 'create or replace' from 1 for 6);  -- others of yours may depend on it
    exception when invalid_table_definition then
      execute format('drop view %s', v_view);
      execute v_statement;
      -- Whom somebody let read it by hand may read it still.
      for v_grant in
        select a.privilege_type as what, coalesce(quote_ident(r.rolname), 'public') as role, case when a.is_grantable then ' with grant option' end as more
        from aclexplode(v_granted) a left join pg_roles r on r.oid = a.grantee where a.grantee = 0 or r.oid is not null
      loop
        execute format('grant %s on %s to %s%s', v_grant.what, v_view, v_grant.role, v_grant.more);
      end loop;
    end;
  else
    execute v_statement;
  end if;
  execute format('comment on view %s is %L', v_view,
    format('Live chunks of collection %s with typed vectors: order by embedding_half <=> … can use the index that maintenance makes.', p_collection));
  for v_column in
    select mine.attname as name, col_description(same.attrelid, same.attnum) as comment
    from pg_attribute mine join pg_attribute same on same.attrelid = 'ingest.ingest_chunks'::regclass and same.attname = mine.attname
    where mine.attrelid = v_view::regclass and mine.attnum > 0
      and col_description(mine.attrelid, mine.attnum) is distinct from col_description(same.attrelid, same.attnum)
    union all select 'embedding_half', 'The vector at half precision, as the index of a large collection holds it.'
  loop
    execute format('comment on column %s.%I is %L', v_view, v_column.name, v_column.comment);
  end loop;
  for v_role in
    select distinct r.rolname as name from ingest.ingest_collection_grants g join pg_roles r on r.rolname = g.role
    where g.may = 'search' and g.collection in ('', p_collection)
  loop
    execute format('grant select on %s to %I', v_view, v_role.name);
  end loop;
-- A claim must not fail for lack of a view.
exception when insufficient_privilege or duplicate_table or dependent_objects_still_exist then
  raise notice 'no typed view for collection %: %', p_collection, sqlerrm;
end
$$;

comment on function ingest.ingest_make_chunks_view(text) is 'Makes ingest_chunks_<collection>, whose embedding has its dimensions.';
