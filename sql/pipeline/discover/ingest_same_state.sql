create or replace function ingest.ingest_same_state(p_request ingest.ingest_requests, p_found ingest.ingest_found_v1[]) returns bigint[]
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select array(
    select same.id
    from unnest(p_found) with ordinality as f
  left join lateral (
    select d.id from ingest.ingest_documents d
    where d.collection = p_request.collection and d.uri = f.uri and d.revision_id is not null
      and d.settings_hash = ingest.ingest_settings_hash(p_request) and f.error is null
      and case when f.version is not null then d.version = f.version
               else d.version is null and d.modified_at = f.modified_at and d.bytes = f.bytes end
      -- Parts lie inside of the bytes: if one failed, the same bytes are worth another reading.
      and not exists (select from ingest.ingest_revisions part where part.parent_id = d.revision_id and part.state = 'failed')
    offset 0) same on true
  order by f.ordinality);
$$;

comment on function ingest.ingest_same_state(ingest.ingest_requests, ingest.ingest_found_v1[]) is
  'By the places of what discovery found: the documents that are live in the state that their source tells of, under the request''s settings.';
