create or replace function ingest.ingest_next_submitter(p_long boolean, p_priority int, p_after text) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  return coalesce(
    (select coalesce(r.submitted_by, r.created_by) from ingest.ingest_requests r
     where r.status = 'pending' and r.due and ingest.ingest_is_long(r) = p_long and r.priority = p_priority
       and coalesce(r.submitted_by, r.created_by) > p_after
     order by coalesce(r.submitted_by, r.created_by) limit 1),
    (select coalesce(r.submitted_by, r.created_by) from ingest.ingest_requests r
     where r.status = 'pending' and r.due and ingest.ingest_is_long(r) = p_long and r.priority = p_priority
     order by coalesce(r.submitted_by, r.created_by) limit 1));
end
$$;

comment on function ingest.ingest_next_submitter(boolean, int, text) is
  'Whose requests of a priority wait, the next one after p_after, in a circle; null: nobody''s.';
