create or replace function ingest.ingest_is_due(
  p_scope ingest.ingest_scope_v1, p_collection text, p_uri text, p_request uuid, p_created_at timestamptz
) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select case
    when (p_scope).asked_at is null then true
    -- Of everything, requests count: one that was there may have gone on.
    when num_nonnulls((p_scope).uri, (p_scope).under) = 0 then
      coalesce((select ingest.ingest_was_there(p_scope, r.created_at) from ingest.ingest_requests r where r.id = p_request),
               ingest.ingest_was_there(p_scope, p_created_at))
    -- What is kept out came through a transaction that did not see that.
    else ingest.ingest_was_there(p_scope, p_created_at) or (p_scope).keeps_out and ingest.ingest_is_kept_out(p_collection, p_uri) end;
$$;

comment on function ingest.ingest_is_due(ingest.ingest_scope_v1, text, text, uuid, timestamptz) is
  'Whether a document or a revision that an order names was there when it was given, or is kept out since.';
