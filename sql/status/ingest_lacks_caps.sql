create or replace function ingest.ingest_lacks_caps(p_request ingest.ingest_requests) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select ingest.ingest_may_follow(p_request.collection)
     and (ingest.ingest_asks_for_caps(p_request) or ingest.ingest_is_barred(p_request.collection, '{}'::text[]))
     and not exists (
       select from ingest.ingest_listeners l
       where l.knows_caps and ingest.ingest_seems_alive(l)
         and (p_request.source is null or ingest.ingest_has_root(l.roots, ingest.ingest_locator(p_request))));
$$;

comment on function ingest.ingest_lacks_caps(ingest.ingest_requests) is
  'Whether a request is for listeners of this release only (plans, caps, generations), and none of those that may read its source lives. False for who has no right on its collection.';
