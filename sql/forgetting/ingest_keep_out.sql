create or replace function ingest.ingest_keep_out(p_scope ingest.ingest_scope_v1, p_documents bigint[], p_revisions bigint[], p_gone uuid[]) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  -- An archive is no document, but what is in it bears its name, as do notes of its state.
  insert into ingest.ingest_forgotten as f (key, within)
  select distinct on (1) ingest.ingest_forgotten_key(n.collection, u.uri),
         array[ingest.ingest_forgotten_key(n.collection, split_part(u.uri, '#', 1)),
               ingest.ingest_forgotten_key(n.collection, coalesce((p_scope).uri, (p_scope).under))]
  from (
    select c.name as collection, (p_scope).uri from unnest((p_scope).collections) c (name)
    union all select d.collection, d.uri from ingest.ingest_documents d where d.id = any (p_documents)
    union all select v.collection, v.uri from ingest.ingest_revisions v where v.id = any (p_revisions)
    union all select r.collection, r.uri from ingest.ingest_requests r where r.id = any (p_gone)
    union all
    select r.collection, a.uri from ingest.ingest_archives a join ingest.ingest_requests r on r.id = a.request_id
    where r.collection = any ((p_scope).collections)
  ) n cross join lateral (values (n.uri), (split_part(n.uri, '#', 1))) as u (uri)
  where u.uri is not null and ingest.ingest_in_scope(p_scope, u.uri)
    and not exists (
      select from jsonb_array_elements_text((p_scope).let_back -> n.collection) l (uri)
      where ingest.ingest_covers(l.uri, u.uri) or l.uri = (p_scope).under)
  on conflict (key) do update set within = f.within || excluded.within where not f.within @> excluded.within;
$$;

comment on function ingest.ingest_keep_out(ingest.ingest_scope_v1, bigint[], bigint[], uuid[]) is
  'Keeps out what is forgotten from now on: the document, what lay inside of it or under the prefix, each by a digest.';
