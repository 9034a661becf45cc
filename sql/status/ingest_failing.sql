create or replace function ingest.ingest_failing(p_collection text, p_under text, p_after text, p_limit int)
returns table (uri text, revision_id bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select distinct on (v.uri) v.uri, v.id from ingest.ingest_revisions v
  where v.state = 'failed' and v.error is not null and v.stands_for is null and v.collection = p_collection and v.uri > coalesce(p_after, '') and starts_with(v.uri, p_under)
    and not exists (select from ingest.ingest_requests r where r.id = v.request_id and ingest.ingest_is_plan(r))
    and not exists (
      select from ingest.ingest_documents d
      where d.collection = v.collection and d.uri = v.uri and ingest.ingest_is_mended(v, d))
    and not ingest.ingest_was_dropped(v.collection, v.uri, v.read_seq)
  order by v.uri, v.id desc limit p_limit;
$$;

comment on function ingest.ingest_failing(text, text, text, int) is
  'Documents of a collection whose last attempt failed, by URI, after one of them, with the revision that says why.';
