create or replace function ingest.ingest_delete_gone(p_request uuid, p_executor text, p_attempt int, p_limit int) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Lock order: documents, then the request. A locked one is being changed, perhaps by a newer reading: the next look decides.
declare
  v_request ingest.ingest_requests;
  v_gone bigint[];
  v_share float8;
  v_dropped int;
  v_deleted int;
begin
  perform ingest.ingest_as_system();
  select r.* into v_request from ingest.ingest_requests r
  where r.id = p_request and r.status = 'running' and r.executor_id = p_executor and r.attempt = p_attempt;
  if not found then
    raise exception 'request % is not run by listener %', p_request, p_executor using errcode = 'IG021', constraint = 'lost_ownership';
  end if;
  -- Retried so late that what had not changed is not known any more, it deletes nothing.
  if not coalesce((v_request.listing ->> 'complete')::boolean, false)
     or coalesce(v_request.documents_unchanged, 0) <> (
       select coalesce(sum(cardinality(s.documents)), 0) from ingest.ingest_seen s where s.request_id = p_request) then
    return 0;
  end if;
  select coalesce(array_agg(g.id order by g.id) filter (where g.is_gone), '{}'),
         count(*) filter (where g.is_gone)::float8 / nullif(count(*), 0) into v_gone, v_share
  from ingest.ingest_gone(p_request) g;
  if v_request.documents_deleted is null then
    if v_share > coalesce((v_request.options ->> 'most_gone')::float8, 0.5) then
      update ingest.ingest_requests r set error = jsonb_build_object(
        'code', 'too_many_gone', 'step', 'mirror', 'retryable', false,
        'message', format('%s %% of the documents that came from %s are no longer there: none of them was deleted', round(100 * v_share::numeric), v_request.source),
        'hint', format('Is the source mounted, and complete? To delete them: select ingest_add(%L, %L, options => %L);', v_request.source,
          v_request.collection, v_request.options || '{"mirror": true, "most_gone": 1}'))
      where r.id = p_request;
      return 0;
    end if;
  end if;
  v_gone := v_gone[:p_limit];
  with locked as materialized (
    select d.id from ingest.ingest_documents d where d.id = any (v_gone) order by d.collection, d.uri for update skip locked
  ), dropped as (
    delete from ingest.ingest_document_origins g using locked l
    where g.document_id = l.id and g.origin = ingest.ingest_origin(v_request) returning g.document_id
  ), deleted as (
    delete from ingest.ingest_documents d using dropped o
    where d.id = o.document_id and not exists (
      select from ingest.ingest_document_origins g where g.document_id = d.id and g.origin <> ingest.ingest_origin(v_request))
    returning d.id
  )
  select (select count(*) from dropped), (select count(*) from deleted) into v_dropped, v_deleted;
  update ingest.ingest_requests r set documents_deleted = coalesce(r.documents_deleted, 0) + v_deleted where r.id = p_request;
  return v_dropped;
end
$$;

comment on function ingest.ingest_delete_gone(uuid, text, int, int) is
  'Deletes a page of the documents that are there no more, unless another source leads to them, too; returns how many came through this one no more. Zero: it is through. '
  'If they are too many, the request gets that as its error. IG021 if another execution runs the request.';
