create or replace function ingest.ingest_gone(p_request uuid) returns table (id bigint, is_gone boolean)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_nestloop = off
as $$
-- What a newer reading brought does not concern this look. What could not be read is not gone, nor what lies below or inside
-- of it; nor what lies inside of a document that had not changed, and so was not opened.
-- By sets only: how many rows there are the planner learns minutes after a first look, and a loop over 60,000 took 105 s.
declare
  v_request ingest.ingest_requests := (select r from ingest.ingest_requests r where r.id = p_request);
  v_came bigint[] := array(select g.document_id from ingest.ingest_document_origins g where g.origin = ingest.ingest_origin(v_request));
  v_seen bigint[] := array(select unnest(s.documents) from ingest.ingest_seen s where s.request_id = p_request);
  v_rest bigint[] := array(select unnest(v_came) except select unnest(v_seen));
begin
  return query select s.id, false from (select unnest(v_came) intersect select unnest(v_seen)) as s (id);
  if cardinality(v_rest) = 0 then
    return;
  end if;
  return query
    with told as materialized (
      select v.uri, bool_or(v.state = 'failed' or v.reason in ('unchanged', 'unsupported')) as is_closed
      from ingest.ingest_revisions v where v.request_id = p_request group by v.uri
    ), rest as materialized (
      select d.id, d.uri, told.uri is not null or d.live_seq >= (v_request.listing ->> 'read_seq')::bigint as is_there
      from ingest.ingest_documents d left join told on told.uri = d.uri
      where d.id = any (v_rest) and d.collection = v_request.collection
    ), above as materialized (
      select r.id, a.uri, a.uri = r.uri as is_itself from rest r cross join ingest.ingest_above(r.uri) as a (uri) where not r.is_there
    ), closed (uri) as (
      -- A record that can't be read can't be identified.
      select regexp_replace(t.uri, '#line=[0-9]+$', '') from told t where t.is_closed
    ), unopened as (
      select w.uri from ingest.ingest_documents w
      where w.collection = v_request.collection and w.uri = any (array(select distinct a.uri from above a where not a.is_itself))
        and w.id in (select unnest(v_seen))
    ), kept as (
      select a.id from above a where a.uri in (select c.uri from closed c) or not a.is_itself and a.uri in (select u.uri from unopened u)
    )
    select r.id, not r.is_there and k.id is null from rest r left join (select distinct a.id from kept a) k on k.id = r.id;
end
$$;

comment on function ingest.ingest_gone(uuid) is
  'The documents that came through a request''s source, now or before, and whether they are gone, as its discovery saw.';
