create or replace function ingest.ingest_register(
  p_executor text, p_host text, p_pid int, p_version text, p_pipeline text, p_roots text[], p_queue text, p_capacity int,
  p_lease interval, p_ocr text, p_boot interval
) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select ingest.ingest_register(p_executor, p_host, p_pid, p_version, p_pipeline, p_roots, p_queue, p_capacity, p_lease, p_ocr, p_boot,
                                null::bigint, null::jsonb);
  update ingest.ingest_listeners l set knows_caps = false where l.executor_id = p_executor;
$$;

comment on function ingest.ingest_register(text, text, int, text, text, text[], text, int, interval, text, interval) is
  'For listeners of the former release: it says nothing of the largest document that it takes, and knows no caps.';
