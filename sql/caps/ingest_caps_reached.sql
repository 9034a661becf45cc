create or replace function ingest.ingest_caps_reached(
  p_requests uuid[], p_scope text, p_name text, p_month date, p_kind text, p_cap numeric, p_used numeric, p_next numeric
) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- A batch's requests may have different submitters. Of a cap that others use too, each hears as much as it may know: an operator
  -- of the collection what is used of it; of a tenant's, over all of its collections, who operates all.
  select jsonb_object_agg(r.id, ingest.ingest_cap_reached(
    r.id, p_scope, p_name, p_month, p_kind, p_cap, p_used, p_next,
    p_scope = 'request' or ingest.ingest_role_may(
      coalesce(r.submitted_by, r.created_by)::text, 'operate'::text, case p_scope when 'tenant' then '' else r.collection end)))
  from ingest.ingest_requests r where r.id = any (p_requests);
$$;

comment on function ingest.ingest_caps_reached(uuid[], text, text, date, text, numeric, numeric, numeric) is
  'ingest_cap_reached for each of the requests of a batch, by its id: with its own statements, and for its own submitter.';
