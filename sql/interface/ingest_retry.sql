create or replace function ingest.ingest_retry(p_request uuid, p_options jsonb default '{}') returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_request ingest.ingest_requests;
  v_other text;
begin
  p_options := coalesce(nullif(p_options, 'null'), '{}');
  perform ingest.ingest_require_request(p_request);
  perform ingest.ingest_as_system();
  v_request := ingest.ingest_lock_request(p_request);
  if v_request.status not in ('failed', 'partially_succeeded') then
    raise exception 'request % is %: there is nothing to retry', p_request, v_request.status
      using errcode = 'IG011', constraint = 'wrong_state',
            hint = case v_request.status
              when 'cancelled' then 'To go on with it: select ingest_resume(id).'
              when 'succeeded' then 'To do it once more, as a new request: select ingest_fork(id).'
              else 'It is not through yet; ingest_cancel(id) would stop it.' end;
  end if;
  select string_agg(k.key, ', ') into v_other from jsonb_object_keys(p_options) as k (key)
  where k.key not in ('max_texts', 'max_cost', 'patience', 'timeout_seconds');
  if v_other is not null then
    raise exception 'option % decides what was done already', v_other
      using errcode = 'IG023', constraint = 'other_settings',
            hint = 'A retry takes max_texts, max_cost, patience and timeout_seconds. With others: select ingest_fork(id, options => …).';
  end if;
  perform ingest.ingest_keep_settings(v_request);
  perform ingest.ingest_reopen_failed(p_request);
  perform ingest.ingest_reopen(p_request, 'retry'::text);
  if p_options <> '{}' then  -- it is pending by now, and may be changed; null takes an option away
    update ingest.ingest_requests r set options = jsonb_strip_nulls(r.options || p_options) where r.id = p_request;
  end if;
  return 'pending';
end
$$;

comment on function ingest.ingest_retry(uuid, jsonb) is
  'Goes on with a failed or partially succeeded request: what failed runs again from the step that failed, nothing else does. p_options: other caps, '
  'patience or time than it had. '
  'IG010 unknown, IG011 wrong state, IG017 its dedupe key is taken, IG018 its collection''s space was changed, IG023 another option.';
