create or replace function ingest.ingest_next_collection(p_long boolean, p_priority int, p_submitter text, p_after text) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  return coalesce(
    (select r.collection from ingest.ingest_requests r
     where r.status = 'pending' and r.due and ingest.ingest_is_long(r) = p_long and r.priority = p_priority
       and coalesce(r.submitted_by, r.created_by) = p_submitter and r.collection > p_after
     order by r.collection limit 1),
    (select r.collection from ingest.ingest_requests r
     where r.status = 'pending' and r.due and ingest.ingest_is_long(r) = p_long and r.priority = p_priority
       and coalesce(r.submitted_by, r.created_by) = p_submitter
     order by r.collection limit 1));
end
$$;

comment on function ingest.ingest_next_collection(boolean, int, text, text) is
  'In which collection a submitter''s requests of a priority wait, the next one after p_after, in a circle; null: in none.';
