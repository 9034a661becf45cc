create or replace function ingest.ingest_list_documents(
  p_collection text default null, p_under text default '', p_failed boolean default false, p_limit int default 100,
  p_after_collection text default null, p_after_uri text default null
) returns table (collection text, uri text, state text, title text, media_type text, bytes bigint, chunks int, changed_at timestamptz,
                 code text, message text, hint text, step text, request_id uuid)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
-- Page by page behind a key, and collection by collection: so each page is a walk along an index, whatever lies behind it.
declare
  v_principals text[] := ingest.ingest_principals();
  v_under text := coalesce(p_under, '');
  v_failed boolean := coalesce(p_failed, false);
  v_left int := coalesce(p_limit, 100);
  v_found int;
  v_one record;
begin
  perform ingest.ingest_refuse_own_policies();
  perform ingest.ingest_check_count('p_limit'::text, v_left);
  if p_collection is not null and not ingest.ingest_may('operate'::text, p_collection) then
    perform ingest.ingest_require('search'::text, p_collection);
  end if;
  if p_collection is not null then
    perform ingest.ingest_search_config(p_collection);
  end if;
  for v_one in
    select c.name, ingest.ingest_may('operate'::text, c.name) as operates, case when c.name = p_after_collection then p_after_uri end as after
    from ingest.ingest_collections c
    where (p_collection is null or c.name = p_collection)
      and (p_after_collection is null or c.name >= p_after_collection)
      and (ingest.ingest_may('operate'::text, c.name) or ingest.ingest_may('search'::text, c.name))
    order by c.name
  loop
    return query
      with live as (
        select d.uri from ingest.ingest_documents d
        where d.collection = v_one.name and d.revision_id is not null and not v_failed and d.uri > coalesce(v_one.after, '')
          and starts_with(d.uri, v_under) and (v_one.operates or d.principals is null or d.principals && v_principals)
        order by d.uri limit v_left
      ), failing as (
        select f.uri, f.revision_id from ingest.ingest_failing(v_one.name, v_under, v_one.after, v_left) f where v_one.operates
      )
      select v_one.name, u.uri, case when f.uri is null then 'live' when d.revision_id is null then 'failed' else 'outdated' end,
             coalesce(d.title, v.title), coalesce(d.media_type, v.media_type), coalesce(d.bytes, v.bytes), d.chunks,
             case when d.revision_id is not null then d.updated_at end,
             v.error ->> 'code', v.error ->> 'message', v.error ->> 'hint', v.error ->> 'step', v.request_id
      from (select l.uri from live l union select f.uri from failing f) u
      left join failing f on f.uri = u.uri
      left join ingest.ingest_revisions v on v.id = f.revision_id
      left join ingest.ingest_documents d on d.collection = v_one.name and d.uri = u.uri
      order by u.uri limit v_left;
    get diagnostics v_found = row_count;
    v_left := v_left - v_found;
    exit when v_left = 0;
  end loop;
end
$$;

comment on function ingest.ingest_list_documents(text, text, boolean, int, text, text) is
  'The first p_limit documents of a collection, or of all that the caller may search or operate, by collection and URI: all, those under a prefix, or (failed) only '
  'those whose last attempt failed. state: live; outdated (live, and the last attempt failed); failed (nothing is live). For the next page, pass the '
  'last row''s collection and URI. code, message, hint and step say why the last attempt failed, for operators. IG014 no such collection, IG040 not granted.';
