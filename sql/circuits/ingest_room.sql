create or replace function ingest.ingest_room(p_collection text, p_submitter text) returns int
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_of_collection int := (select c.max_running from ingest.ingest_collections c where c.name = p_collection);
  v_of_submitter int := ingest.ingest_most_running(p_submitter);
begin
  if v_of_collection is not null then
    v_of_collection := v_of_collection - (
      select count(*) from ingest.ingest_requests r where r.status = 'running' and r.resume_at is null and r.collection = p_collection);
  end if;
  if v_of_submitter is not null then
    v_of_submitter := v_of_submitter - (
      select count(*) from ingest.ingest_requests r
      where r.status = 'running' and r.resume_at is null and coalesce(r.submitted_by, r.created_by) = p_submitter);
  end if;
  return greatest(0, least(v_of_collection, v_of_submitter, 2147483647));
end
$$;

comment on function ingest.ingest_room(text, text) is
  'How many more requests of a submitter in a collection may run, by the limits of both. Parked ones don''t run.';
