create or replace function ingest.ingest_same_state(p_request ingest.ingest_requests, p_states jsonb) returns bigint[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_nestloop = off
as $$
-- Three looks into indexes for a page, not three for a document: the planner can't know how long the arrays are, and would take
-- them for short.
declare
  v_uris text[] := array(select jsonb_array_elements_text(p_states -> 'uris'));
  v_versions text[] := array(select jsonb_array_elements_text(p_states -> 'versions'));
  v_modified timestamptz[] := array(select jsonb_array_elements_text(p_states -> 'modified'))::timestamptz[];
  v_bytes bigint[] := array(select jsonb_array_elements_text(p_states -> 'bytes'))::bigint[];
  v_settings bytea[] := ingest.ingest_settings_hashes(p_request);
  v_documents bigint[];
  v_revisions bigint[];
  v_worth_reading bigint[];
begin
  select array_agg(d.id order by f.place), array_agg(d.revision_id order by f.place) into v_documents, v_revisions
  from unnest(v_uris, v_versions, v_modified, v_bytes) with ordinality as f (uri, version, modified_at, bytes, place)
  left join ingest.ingest_documents d
    on d.collection = p_request.collection and d.uri = any (v_uris) and d.uri = f.uri and d.revision_id is not null
    and d.settings_hash = any (v_settings)
    and case when f.version is not null then d.version = f.version
             else d.version is null and d.modified_at = f.modified_at and d.bytes = f.bytes end;
  -- Parts lie inside of the bytes: if one failed, the same bytes are worth another reading.
  v_worth_reading := array(
    select part.parent_id from ingest.ingest_revisions part where part.parent_id = any (v_revisions) and part.state = 'failed');
  if cardinality(v_worth_reading) = 0 then
    return v_documents;
  end if;
  return array(
    select case when same.revision_id <> all (v_worth_reading) then same.id end
    from unnest(v_documents, v_revisions) with ordinality as same (id, revision_id, place) order by same.place);
end
$$;

comment on function ingest.ingest_same_state(ingest.ingest_requests, jsonb) is
  'By the places of what discovery found: the documents that are live in the state that their source tells of, under the request''s settings.';
