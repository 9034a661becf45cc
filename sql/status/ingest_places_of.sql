create or replace function ingest.ingest_places_of(p_collection text, p_submitter text, out most int, out running int) returns record
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if p_submitter <> ingest.ingest_caller()::text and not (
       ingest.ingest_may('operate'::text, p_collection) and exists (
         select from ingest.ingest_requests r
         where r.collection = p_collection and r.status in ('pending', 'running') and coalesce(r.submitted_by, r.created_by) = p_submitter)) then
    return;
  end if;
  most := ingest.ingest_most_running(p_submitter);
  if most is not null then
    running := ingest.ingest_running_by(p_submitter);
  end if;
end
$$;

comment on function ingest.ingest_places_of(text, text) is
  'Most requests of a submitter that run at a time, and how many do. Nulls for others than itself and operators of the collection.';
