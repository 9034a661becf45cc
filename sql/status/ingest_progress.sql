create or replace function ingest.ingest_progress(
  p_request ingest.ingest_requests, out total int, out done int, out skipped int, out failed int, out percent numeric,
  out rate numeric, out seconds numeric
) returns record
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_chunks bigint; v_embedded bigint; v_open int;
begin
  if p_request.status <> 'running' then
    percent := case when p_request.status in ('succeeded', 'partially_succeeded') then 100 else 0 end;
    seconds := extract(epoch from p_request.finished_at - p_request.started_at);
    total := p_request.documents_total; done := p_request.documents_done;
    skipped := p_request.documents_skipped; failed := p_request.documents_failed;
  else
    seconds := extract(epoch from ingest.ingest_now() - p_request.started_at);
    select count(*), count(*) filter (where v.state = 'published'), count(*) filter (where v.state = 'skipped'),
           count(*) filter (where v.state = 'failed')
    into total, done, skipped, failed from ingest.ingest_revisions v where v.request_id = p_request.id;
    select coalesce(sum(b.chunks), 0), coalesce(sum(b.chunks_embedded), 0)
    into v_chunks, v_embedded from ingest.ingest_batches b where b.request_id = p_request.id and b.finished_at is null;
    v_open := total - done - skipped - failed;
    -- Documents that are on their way count by the share of their chunks that are embedded, up to nine tenths.
    percent := case when p_request.discovered_at is null or total = 0 then 0 else round(
      100.0 * (total - v_open + 0.9 * v_open * case when v_chunks > 0 then least(1.0, v_embedded::numeric / v_chunks) else 0 end)
      / total, 1) end;
  end if;
  rate := case when seconds > 0 then round((done + skipped + failed) / seconds, 1) end;
end
$$;

comment on function ingest.ingest_progress(ingest.ingest_requests) is 'Counts of documents by outcome, percent, documents per second, seconds so far.';
