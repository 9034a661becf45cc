create or replace function ingest.ingest_may_see_revision(p_revision ingest.ingest_revisions, p_operates boolean) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select p_operates or exists (
    select from ingest.ingest_requests r
    where r.id = p_revision.request_id and coalesce(r.submitted_by, r.created_by) = ingest.ingest_caller());
$$;

comment on function ingest.ingest_may_see_revision(ingest.ingest_revisions, boolean) is
  'Whether the caller may know the outcome of a revision: an operator of its collection, or the submitter of its request.';
