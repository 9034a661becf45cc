create or replace function ingest.ingest_live_hashes(p_requests uuid[], p_batch int) returns table (id bigint, hash bytea)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  with stands as materialized (  -- first: what is new has no use for its settings' digests
    select v.id as revision, v.request_id, d.id, d.collection, d.uri, d.revision_id, d.content_hash, d.settings_hash
    from ingest.ingest_revisions v
    join ingest.ingest_documents d on d.collection = v.collection and d.uri = v.uri
    where v.request_id = any (p_requests) and v.batch = p_batch and v.state = 'discovered' and d.revision_id is not null
  ), wanted as materialized (
    select r.id, ingest.ingest_settings_hashes(r) as settings_hashes from ingest.ingest_requests r
    where r.id = any (array(select s.request_id from stands s)))
  select d.revision, d.content_hash
  from wanted w join stands d on d.request_id = w.id
  where d.settings_hash = any (w.settings_hashes)
    -- Parts lie inside of the bytes: if one failed, the same bytes are worth another reading.
    and not exists (select from ingest.ingest_revisions part where part.parent_id = d.revision_id and part.state = 'failed')
    -- What is about to be forgotten does not stand for what comes anew.
    and not exists (
      select from ingest.ingest_forget_orders o cross join ingest.ingest_scope_of_order(o) s
      where o.swept_at is null and o.done_at is null and d.collection = any (o.collections) and ingest.ingest_in_scope(s, d.uri)
        and exists (select from ingest.ingest_documents_in_scope(s) due where due.id = d.id));
$$;

comment on function ingest.ingest_live_hashes(uuid[], int) is
  'By revision that is to be loaded: SHA-256 of the bytes that need not be ingested again, since they are live under the same settings.';
