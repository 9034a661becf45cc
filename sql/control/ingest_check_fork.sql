create or replace function ingest.ingest_check_fork(p_request ingest.ingest_requests, p_step text) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if p_step is null or p_step not in ('discover', 'load', 'chunk', 'embed', 'save') then
    raise exception 'there is no step "%"', p_step
      using errcode = 'IG019', constraint = 'unknown_step', hint = 'Fork from discover, load, chunk, embed or save.';
  end if;
  if p_request.generation is not null then
    raise exception 'request % brings the documents of a collection into another generation', p_request.id
      using errcode = 'IG011', constraint = 'wrong_state', hint = 'Order it anew: select ingest_reembed(collection, …).';
  end if;
  if p_request.status = 'pending' then
    raise exception 'request % has not started', p_request.id
      using errcode = 'IG011', constraint = 'wrong_state', hint = 'Insert another request instead.';
  end if;
  if p_step <> 'discover' and ingest.ingest_is_plan(p_request) then
    raise exception 'request % is a plan, which keeps no documents', p_request.id
      using errcode = 'IG011', constraint = 'wrong_state', hint = 'Fork it from discover; with options => ''{"plan": false}'' it is carried out.';
  end if;
  if p_step <> 'discover' and p_request.discovered_at is null then
    raise exception 'request % has not found its documents', p_request.id
      using errcode = 'IG011', constraint = 'wrong_state', hint = 'Fork it from discover.';
  end if;
  if p_step in ('chunk', 'embed', 'save') and exists (
       select from ingest.ingest_revisions v
       where v.request_id = p_request.id and v.state in ('published', 'skipped') and v.text is null
         and v.reason is distinct from 'duplicate' and v.reason is distinct from 'deleted'
         and v.reason is distinct from 'unsupported' and v.reason is distinct from 'dropped' and ingest.ingest_same_live(v) is null) then
    raise exception 'texts of request % were replaced and purged', p_request.id
      using errcode = 'IG022', constraint = 'purged', hint = 'Fork it from load: the documents are read again.';
  end if;
end
$$;

comment on function ingest.ingest_check_fork(ingest.ingest_requests, text) is 'Raises IG011, IG019 or IG022 where a request can''t be forked from that step.';
