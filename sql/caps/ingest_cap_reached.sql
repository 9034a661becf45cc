create or replace function ingest.ingest_cap_reached(p_request uuid, p_scope text, p_name text, p_month date, p_kind text, p_cap numeric, p_used numeric) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'code', 'cap_reached', 'step', 'embed', 'retryable', true,
    'message', case p_scope
      when 'request' then format('options.max_%s is %s, and %s are used: no more texts are sent', p_kind, p_cap, round(p_used, 6))
      when 'tenant' then format('monthly_%s of tenant "%s" is %s, and %s are used: no more texts are sent this month', p_kind, p_name, p_cap, round(p_used, 6))
      else format('monthly_%s of collection "%s" is %s, and %s are used: no more texts are sent this month', p_kind, p_name, p_cap, round(p_used, 6)) end,
    'hint', case p_scope
      when 'request' then format('To go on, and pay nothing twice: select ingest_retry(%L, ''{"max_%s": …}''), with more than it had', p_request, p_kind)
      else format('The month begins anew on %s (UTC). Then, or under a higher cap (%s): select ingest_retry(%L)', (p_month + interval '1 month')::date,
                  case p_scope when 'tenant' then format('select ingest_cap_tenant(%L, ''{"monthly_%s": …}'')', p_name, p_kind)
                               else format('select ingest_collection(%L, ''{"monthly_%s": …}'')', p_name, p_kind) end, p_request) end);
$$;

comment on function ingest.ingest_cap_reached(uuid, text, text, date, text, numeric, numeric) is 'The error of documents whose texts a cap keeps from being sent.';
