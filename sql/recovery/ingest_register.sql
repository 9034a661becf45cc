create or replace function ingest.ingest_register(
  p_executor text, p_host text, p_pid int, p_version text, p_pipeline text, p_roots text[], p_queue text, p_capacity int,
  p_lease interval, p_ocr text, p_boot interval, p_max_document_bytes bigint,
  p_price jsonb
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform ingest.ingest_settle_in();
  -- Nothing beats while it boots: the first lease begins afterwards.
  insert into ingest.ingest_listeners
    (executor_id, host, pid, version, pipeline, roots, queue, capacity, lease, ocr, heartbeat_at, max_document_bytes, knows_caps,
     price)
  values (p_executor, p_host, p_pid, p_version, p_pipeline, p_roots, p_queue, p_capacity, p_lease, p_ocr,
          ingest.ingest_now() + p_boot, p_max_document_bytes, true, p_price);
  -- Kept when the last listener stops: what is inserted then is for those to come.
  update ingest.ingest_limits l set max_document_bytes = alive.most
  from (select max(a.max_document_bytes) as most from ingest.ingest_listeners a where a.dead_at is null) alive
  where l.role = '' and l.max_document_bytes is distinct from alive.most and alive.most is not null;
end
$$;

comment on function ingest.ingest_register(text, text, int, text, text, text[], text, int, interval, text, interval, bigint, jsonb) is
  'Enters a listener that starts; it is believed alive for p_boot and a lease. p_max_document_bytes: the largest document that it takes; p_price: see ingest_listeners. IG025: see '
  'ingest_settle_in.';
