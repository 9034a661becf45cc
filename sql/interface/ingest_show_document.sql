create or replace function ingest.ingest_show_document(p_uri text, p_collection text default 'default')
returns table (collection text, uri text, state text, title text, media_type text, bytes bigint, chunks int, metadata jsonb, principals text[],
               created_at timestamptz, changed_at timestamptz, revision_id bigint, text text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_collection text := coalesce(p_collection, 'default');
  v_operates boolean := ingest.ingest_may('operate'::text, v_collection);
  v_document ingest.ingest_documents;
  v_newest ingest.ingest_revisions;
  v_is_for boolean;
begin
  perform ingest.ingest_refuse_own_policies();
  select d.* into v_document from ingest.ingest_documents d where d.collection = v_collection and d.uri = p_uri;
  v_is_for := v_document.revision_id is not null and ingest.ingest_may('search'::text, v_collection)
              and (v_document.principals is null or v_document.principals && ingest.ingest_principals() or v_operates);
  select v.* into v_newest from ingest.ingest_revisions_of(v_collection, p_uri) r join ingest.ingest_revisions v on v.id = r.id
  where ingest.ingest_may_see_revision(v, v_operates) order by v.id desc limit 1;
  if not (v_is_for or v_operates and v_document.id is not null or v_newest.id is not null) then
    if not (v_operates or ingest.ingest_may('submit'::text, v_collection)) then
      perform ingest.ingest_require('search'::text, v_collection);
    end if;
    perform ingest.ingest_search_config(v_collection);
    raise exception 'there is no document "%" in collection "%"', left(p_uri, 200), v_collection
      using errcode = 'IG014', constraint = 'unknown_document', hint = 'See select * from ingest_list_documents(collection).';
  end if;
  if not (v_is_for or v_operates) then
    v_document := null;
  end if;
  return query
    select v_collection, p_uri,
           case when v_document.revision_id is null then case when v_newest.state in ('published', 'skipped') then null else v_newest.state end
                when v_operates and exists (
                  select from ingest.ingest_revisions_of(v_collection, p_uri) r join ingest.ingest_revisions v on v.id = r.id
                  where v.state = 'failed' and not ingest.ingest_is_mended(v, v_document))
                then 'outdated' else 'live' end,
           coalesce(v_document.title, v_newest.title), coalesce(v_document.media_type, v_newest.media_type),
           coalesce(v_document.bytes, v_newest.bytes), v_document.chunks, v_document.metadata, v_document.principals,
           v_document.created_at, case when v_document.revision_id is not null then v_document.updated_at end, v_document.revision_id,
           case when v_is_for then (select v.text from ingest.ingest_revisions v where v.id = v_document.revision_id) end;
end
$$;

comment on function ingest.ingest_show_document(text, text) is
  'One document, for callers who may find it, operate its collection, or have submitted it: state (live; outdated: live, and its '
  'last attempt failed; failed; null: nothing is live), and its text for callers who may find it. IG014 no such document, IG040 not granted.';
