create or replace function ingest.ingest_see_unchanged(
  p_request uuid, p_executor text, p_attempt int, p_read_seq bigint, p_states jsonb
) returns bigint[]
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Nothing is written about most documents. While other requests run in the collection, one of them may hold an older reading:
-- then each document's number is moved up, so that this look wins. A locked one is being changed: it is read. No lock is
-- waited for.
declare
  v_request ingest.ingest_requests;
  v_origin text;
  v_documents bigint[];
  v_others boolean;
begin
  select r.* into v_request from ingest.ingest_requests r
  where r.id = p_request and r.status = 'running' and r.executor_id = p_executor and r.attempt = p_attempt and r.discovered_at is null;
  if not found then
    raise exception 'the manifest of request % is not written by listener %', p_request, p_executor
      using errcode = 'IG021', constraint = 'lost_ownership';
  end if;
  if coalesce((v_request.options ->> 'force')::boolean, false) then
    return array_fill(null::bigint, array[jsonb_array_length(p_states -> 'uris')]);
  end if;
  v_documents := ingest.ingest_same_state(v_request, p_states);
  if ingest.ingest_is_plan(v_request) then
    return v_documents;  -- it leaves no trace
  end if;
  v_others := exists (
    select from ingest.ingest_requests o where o.collection = v_request.collection and o.status = 'running' and o.id <> p_request);
  if v_others or v_request.options ?| '{principals,principals_field}'::text[] then
    with locked as materialized (
      select d.id, d.live_seq, d.principals, case when v_others then greatest(d.live_seq, p_read_seq) else d.live_seq end as new_seq,
             coalesce(ingest.ingest_document_principals(v_request.options, d.metadata || v_request.metadata), d.principals) as new_principals
      from ingest.ingest_documents d where d.id = any (v_documents) for no key update skip locked
    ), moved as (
      update ingest.ingest_documents d set live_seq = l.new_seq, principals = l.new_principals
      from locked l where d.id = l.id and (l.new_seq, l.new_principals) is distinct from (l.live_seq, l.principals)
    )
    select array(select l.id from unnest(v_documents) with ordinality as s (id, place) left join locked l on l.id = s.id order by s.place)
    into v_documents;
  end if;
  v_origin := ingest.ingest_origin(v_request);
  if (select count(*) from ingest.ingest_document_origins g where g.document_id = any (v_documents) and g.origin = v_origin)
     < cardinality(array_remove(v_documents, null)) then
    with came as (
      select d.id from ingest.ingest_documents d
      where d.id = any (v_documents) and not exists (
        select from ingest.ingest_document_origins g where g.document_id = d.id and g.origin = v_origin)
      for key share skip locked)
    insert into ingest.ingest_document_origins (document_id, origin, seen_by)
    select came.id, v_origin, p_request from came on conflict do nothing;
  end if;
  return v_documents;
end
$$;

comment on function ingest.ingest_see_unchanged(uuid, text, int, bigint, jsonb) is
  'By the places of what discovery found: the documents that are live in that very state, under the same settings; null: to be read. '
  'As lists: uris, versions, and modified and bytes, if some have no version. IG021 if another execution does.';
