create or replace function ingest.ingest_same_archive(p_request ingest.ingest_requests, p_uri text, p_state text) returns bigint[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_nestloop = off
as $$
-- The look that opened it has ended, and none of its members failed there; all of them are live, under the same settings, and
-- nothing has been written there since. Looks into indexes, as in ingest_same_state: of what has just been written there are no statistics.
declare
  v_archive ingest.ingest_archives;
  v_until timestamptz;
  v_origin text := ingest.ingest_origin(p_request);
  v_settings bytea[] := ingest.ingest_settings_hashes(p_request);
  v_documents bigint[];
  v_revisions bigint[];
begin
  select a.* into v_archive from ingest.ingest_archives a
  where a.key = ingest.ingest_archive_key(p_request, p_uri) and a.state = p_state and a.options = ingest.ingest_archive_options(p_request);
  select r.finished_at into v_until from ingest.ingest_requests r
  where r.id = v_archive.request_id and r.status in ('succeeded', 'partially_succeeded')
    and (r.documents_failed = 0 or not exists (
      select from ingest.ingest_revisions v
      where v.request_id = r.id and v.collection = r.collection and v.error is not null and starts_with(v.uri, p_uri || '#')));
  if v_until is null then
    return null;
  end if;
  select array_agg(d.id), array_agg(d.revision_id) into v_documents, v_revisions
  from ingest.ingest_documents d
  where d.collection = p_request.collection and position('#' in d.uri) > 0
    and hashtextextended(split_part(d.uri, '#', 1), 0) = hashtextextended(p_uri, 0) and starts_with(d.uri, p_uri || '#')
    and d.settings_hash = any (v_settings);
  select array_agg(p.id order by p.id) into v_documents
  from unnest(v_documents, v_revisions) as p (id, revision)
  join ingest.ingest_revisions v on v.id = any (v_revisions) and v.id = p.revision
  join ingest.ingest_document_origins g on g.document_id = any (v_documents) and g.document_id = p.id and g.origin = v_origin
  where v.parent_id is null and v.published_at <= v_until;
  return case when cardinality(v_documents) = v_archive.members then v_documents end;
end
$$;

comment on function ingest.ingest_same_archive(ingest.ingest_requests, text, text) is
  'The documents of an archive''s members, if it is in the state in which all of them were read, and they are live as it holds them; otherwise null.';
