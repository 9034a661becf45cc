create or replace function ingest.ingest_apply_right(p_role name, p_right text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_schema oid := (select c.relnamespace from pg_class c where c.oid = 'ingest.ingest_requests'::regclass);
  v_owner oid := (select c.relowner from pg_class c where c.oid = 'ingest.ingest_requests'::regclass);
  v_all boolean := exists (
    select from ingest.ingest_collection_grants g where g.role = p_role and g.may = 'operate' and g.collection = '');
  v_one record;
begin
  execute format('grant usage on schema %s to %I', v_schema::regnamespace, p_role);
  -- Questions and answers are asked and read by functions only. Former releases, and default privileges, granted more.
  if p_role <> pg_get_userbyid(v_owner) then
    execute format('revoke all on ingest.ingest_queries, ingest.ingest_questions, ingest.ingest_rerank_questions, ingest.ingest_rerankings, '
                   'ingest.ingest_rerank_scores from %I', p_role);
  end if;
  -- Privileges that a former release granted let a role write the system's columns.
  if p_right in ('submit', 'operate') then
    execute format('revoke insert, update on ingest.ingest_requests from %I', p_role);
    execute format('revoke insert, update, delete on ingest.ingest_commands, ingest.ingest_used_ids, '
                   'ingest.ingest_batches, ingest.ingest_containers, ingest.ingest_revisions, ingest.ingest_chunk_store, '
                   'ingest.ingest_watch_store from %I', p_role);
  end if;
  for v_one in
    select s.statement from (values
      ('submit', 'grant insert (id, source, content, content_bytes, media_type, uri, collection, options, metadata, priority, run_at, '
                 'dedupe_key) on ingest.ingest_requests to %I'),
      ('submit,operate', 'grant select on ingest.ingest_requests, ingest.ingest_collections, ingest.ingest_batches, '
                         'ingest.ingest_status, ingest.ingest_failures, ingest.ingest_warnings, ingest.ingest_times, ingest.ingest_watch_store, '
                         'ingest.ingest_watches to %I'),
      ('submit,operate', 'grant select (id, request_id, batch, uri, state, reason, error, warning, bytes, media_type, collection, title, '
                         'created_at, published_at, replaced_at, failed_at, read_seconds, parse_seconds, embed_seconds) '
                         'on ingest.ingest_revisions to %I'),
      -- A policy of ingest_revisions asks for it; which rows are seen, those of ingest_documents say.
      ('submit', 'grant select (revision_id) on ingest.ingest_documents to %I'),
      ('search', 'grant select on ingest.ingest_documents, ingest.ingest_chunks, ingest.ingest_chunk_store, '
                 'ingest.ingest_collections, ingest.ingest_spaces to %I'),
      ('search', 'grant select (id, uri, collection, title, text, media_type, starts, ends, headings, pages, metadata, published_at) '
                 'on ingest.ingest_revisions to %I'),
      -- A policy of ingest_revisions asks for it; rows of others' requests are not seen.
      ('search', 'grant select (id) on ingest.ingest_requests to %I'),
      ('operate', 'grant update (priority, run_at, metadata, options, dedupe_key) on ingest.ingest_requests to %I'),
      ('operate', 'grant select on ingest.ingest_documents to %I'),
      -- A role that may DELETE may also LOCK the table, for everybody: only for operators of everything. The others have functions.
      ('operate', case when v_all then 'grant delete' else 'revoke delete' end || ' on ingest.ingest_requests, ingest.ingest_documents '
                  || case when v_all then 'to %I' else 'from %I' end),
      ('operate', 'grant select on ingest.ingest_commands, ingest.ingest_listeners, ingest.ingest_containers, '
                  'ingest.ingest_spaces, ingest.ingest_usage, ingest.ingest_usage_by_day to %I'),
      ('search,operate', 'grant select on ingest.ingest_evaluations, ingest.ingest_generations to %I'),
      ('operate,listen', 'grant select on ingest.ingest_indexes, ingest.ingest_metrics to %I'),
      ('listen', 'grant select on ingest.ingest_requests, ingest.ingest_revisions, ingest.ingest_batches, ingest.ingest_containers, '
                 'ingest.ingest_commands, ingest.ingest_listeners, ingest.ingest_collections, ingest.ingest_spaces, ingest.ingest_watch_store to %I'),
      -- A policy of ingest_revisions asks for it.
      ('listen', 'grant select (revision_id) on ingest.ingest_documents to %I'),
      ('submit,search,operate,listen', 'grant select on ingest.ingest_migrations to %I')) as s (rights, statement)
    -- Privileges of its other rights were revoked, too.
    where string_to_array(s.rights, ',') && (
      select array_agg(g.may) || p_right from ingest.ingest_collection_grants g where g.role = p_role)
  loop
    execute format(v_one.statement, p_role);
  end loop;
  for v_one in
    select p.oid::regprocedure as routine from pg_proc p
    where p.pronamespace = v_schema and p.proowner = v_owner and p.proname like E'ingest\\_%'
      and ingest.ingest_is_for(p.proname, p_right)
  loop
    execute format('grant execute on routine %s to %I', v_one.routine, p_role);
  end loop;
end
$$;

comment on function ingest.ingest_apply_right(name, text) is 'Gives a role the privileges on tables and functions that a right needs.';
