create or replace function ingest.ingest_copy_unchanged(p_fork ingest.ingest_requests, p_last int) returns bigint[]
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- They have no revisions of the original's. What is read again would be skipped again; from a later step on, what is live is
-- what they were.
declare
  v_unchanged int := (select o.documents_unchanged from ingest.ingest_requests o where o.id = p_fork.forked_from);
  v_live bigint[];
begin
  perform ingest.ingest_as_system();
  if coalesce(v_unchanged, 0) = 0 then
    return '{}';
  end if;
  if p_last = 0 then
    insert into ingest.ingest_seen (request_id, page, documents)
    select p_fork.id, s.page, s.documents from ingest.ingest_seen s where s.request_id = p_fork.forked_from;
    update ingest.ingest_requests r set documents_unchanged = v_unchanged where r.id = p_fork.id;
    return '{}';
  end if;
  select array_agg(d.revision_id order by d.collection, d.uri) into v_live
  from ingest.ingest_seen s cross join unnest(s.documents) as seen (id)
  join ingest.ingest_documents d on d.id = seen.id and d.revision_id is not null
  where s.request_id = p_fork.forked_from;
  if v_live is null then
    raise exception 'request %, of which this one is a fork, is too old: its unchanged documents are no longer known', p_fork.forked_from
      using errcode = 'IG024', constraint = 'origin_gone', hint = 'Insert the source as a new request.';
  end if;
  return v_live;
end
$$;

comment on function ingest.ingest_copy_unchanged(ingest.ingest_requests, int) is
  'For a fork: the live revisions of documents that the original found unchanged; none where they would be read, and skipped. IG024 if they are not known any more.';
