create or replace function ingest.ingest_cap_reached(
  p_request uuid, p_scope text, p_name text, p_month date, p_kind text, p_cap numeric, p_used numeric, p_next numeric, p_in_full boolean
) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  -- What it takes is rounded up: a cap that is raised to what is said here lets it pass.
  select jsonb_build_object(
    'code', 'cap_reached', 'step', 'embed', 'retryable', true,
    'message', case when p_in_full then format(
        '%s is %s, %s are used%s', t.cap, trim_scale(p_cap), trim_scale(round(p_used, 6)),
        case when p_kind = 'cost' then format(', and the next text may take up to %s', t.next) else '' end)
      else format('a monthly cap of the %s is reached', case p_scope when 'tenant' then 'collection''s tenant' else 'collection' end) end
      || ': no more texts are sent' || case when p_scope = 'request' then '' else ' this month' end,
    'hint', case
      when p_scope = 'request' then format('To go on, and pay nothing twice: select ingest_retry(%L, ''{"max_%s": …}''), with %s or more', p_request, p_kind, t.least)
      when p_next > p_cap then format(
        'One text may take more than the cap of a month. %s: select ingest_retry(%L)',
        case when p_in_full then format('With %s or more (%s)', t.next, t.raise) else 'When an operator has raised it' end, p_request)
      else format(
        'The month begins anew on %s (UTC). Then, or %s: select ingest_retry(%L)', (p_month + interval '1 month')::date,
        case when p_in_full then format('under a higher cap (%s)', t.raise) else 'when an operator has raised the cap' end, p_request) end)
  from (select
    case when p_scope = 'request' then format('options.max_%s', p_kind) else format('monthly_%s of %s "%s"', p_kind, p_scope, p_name) end as cap,
    trim_scale(ceil(p_next * 1000000) / 1000000) as next,
    trim_scale(ceil((p_used + p_next) * 1000000) / 1000000) as least,
    format(case p_scope when 'tenant' then 'the owner: select ingest_cap_tenant(%L, ''{"monthly_%s": …}'')' else 'select ingest_collection(%L, ''{"monthly_%s": …}'')' end,
           p_name, p_kind) as raise) t;
$$;

comment on function ingest.ingest_cap_reached(uuid, text, text, date, text, numeric, numeric, numeric, boolean) is
  'The error of documents whose texts a cap keeps from being sent. p_next: the most that the next text can take of it. p_in_full: with amounts, names and the '
  'statement that raises the cap; otherwise only that it is reached.';
