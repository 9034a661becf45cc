create or replace function ingest.ingest_show_revisions(p_uri text, p_collection text default 'default', p_limit int default 20)
returns table (revision_id bigint, request_id uuid, state text, reason text, is_live boolean, code text, message text, hint text, step text,
               bytes bigint, chunks int, created_at timestamptz, published_at timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_collection text := coalesce(p_collection, 'default');
  v_operates boolean := ingest.ingest_may('operate'::text, v_collection);
begin
  perform ingest.ingest_refuse_own_policies();
  perform ingest.ingest_check_count('p_limit'::text, p_limit);
  return query
    select v.id, v.request_id, v.state, v.reason, d.id is not null, v.error ->> 'code', v.error ->> 'message', v.error ->> 'hint',
           v.error ->> 'step', v.bytes, cardinality(v.starts), v.created_at, v.published_at
    from ingest.ingest_revisions_of(v_collection, p_uri) r
    join ingest.ingest_revisions v on v.id = r.id
    left join ingest.ingest_documents d on d.revision_id = v.id
    where ingest.ingest_may_see_revision(v, v_operates)
       or (d.id is not null and ingest.ingest_may('search'::text, v_collection)
           and (d.principals is null or d.principals && ingest.ingest_principals() or v_operates))
    order by v.id desc limit coalesce(p_limit, 20);
end
$$;

comment on function ingest.ingest_show_revisions(text, text, int) is
  'The history of a document, newest first: published, skipped and why (unchanged: the same bytes were already live; superseded: a newer reading '
  'was; duplicate: its URI occurs twice in the request; deleted; unsupported), or failed and why. Operators see all, submitters their own requests, '
  'searchers the live one.';
