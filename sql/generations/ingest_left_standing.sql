create or replace function ingest.ingest_left_standing(p_generation ingest.ingest_generations) returns bigint
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
-- Its request lists what was live when it was ordered; without it, all is looked at. Only what is asked is planned: that takes most of the time.
declare
  v_status text;
  v_lists boolean;
begin
  select r.status, r.discovered_at is not null into v_status, v_lists from ingest.ingest_requests r where r.id = p_generation.request_id;
  if v_status = 'succeeded' then
    return 0;
  elsif v_lists then
    return (
      select count(*) from ingest.ingest_revisions v
      where v.request_id = p_generation.request_id and v.state not in ('published', 'skipped')
        and exists (select from ingest.ingest_documents d where d.revision_id = v.stands_for));
  end if;
  return (
    select count(*) from ingest.ingest_documents d join ingest.ingest_revisions v on v.id = d.revision_id
    where d.collection = p_generation.collection and not ingest.ingest_stands_in(v.id, v.generation, p_generation.generation));
end
$$;

comment on function ingest.ingest_left_standing(ingest.ingest_generations) is 'How many live documents do not stand in a generation that is being made.';
