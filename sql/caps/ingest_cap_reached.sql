create or replace function ingest.ingest_cap_reached(
  p_request uuid, p_scope text, p_name text, p_month date, p_kind text, p_cap numeric, p_used numeric, p_next numeric
) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  -- p_next is rounded up: a cap that is raised to what is said here lets it pass.
  select jsonb_build_object(
    'code', 'cap_reached', 'step', 'embed', 'retryable', true,
    'message', format(
      '%s is %s, %s are used%s: no more texts are sent%s', t.cap, trim_scale(p_cap), trim_scale(round(p_used, 6)),
      case when p_kind = 'cost' then format(', and the next text may take up to %s', t.next) else '' end, case when p_scope = 'request' then '' else ' this month' end),
    'hint', case
      when p_scope = 'request' then format(
        'To go on, and pay nothing twice: select ingest_retry(%L, ''{"max_%s": …}''), with %s or more', p_request, p_kind, t.least)
      when p_next > p_cap then format('One text may take more than the cap of a month. With %s or more (%s): select ingest_retry(%L)', t.next, t.raise, p_request)
      else format('The month begins anew on %s (UTC). Then, or under a higher cap (%s): select ingest_retry(%L)', (p_month + interval '1 month')::date, t.raise, p_request)
      end)
  from (select
    case when p_scope = 'request' then format('options.max_%s', p_kind) else format('monthly_%s of %s "%s"', p_kind, p_scope, p_name) end as cap,
    trim_scale(ceil(p_next * 1000000) / 1000000) as next,
    trim_scale(ceil((p_used + p_next) * 1000000) / 1000000) as least,
    format('select ingest_%s(%L, ''{"monthly_%s": …}'')', case p_scope when 'tenant' then 'cap_tenant' else p_scope end, p_name, p_kind) as raise) t;
$$;

comment on function ingest.ingest_cap_reached(uuid, text, text, date, text, numeric, numeric, numeric) is
  'The error of documents whose texts a cap keeps from being sent. p_next: the most that the next text can take of it.';
