create or replace function ingest.ingest_list_history(period interval default '1 hour', buckets int default 120) returns table (
  at timestamptz, seconds float8, pending bigint, scheduled bigint, running bigint,
  documents float8, failures float8, chunks float8, texts float8, tokens float8, parked bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set jit = off
as $$
#variable_conflict use_column
declare
  v_width float8;
  v_until timestamptz := ingest.ingest_now();
  v_first timestamptz;
begin
  perform ingest.ingest_require('operate'::text, ''::text);
  if (period between interval '1 minute' and interval '31 days' and buckets between 1 and 1000) is not true then
    raise exception 'a period is between a minute and 31 days, in 1 to 1000 buckets'
      using errcode = 'IG035', constraint = 'wrong_period', hint = 'Like: select * from ingest_list_history(''1 day'', 96)';
  end if;
  v_width := extract(epoch from period) / buckets;
  -- Buckets begin at multiples of their width, so that charts do not tremble; the last one is under way.
  v_first := to_timestamp((floor(extract(epoch from v_until) / v_width) - buckets + 1) * v_width);
  return query
    with noted as (
      select h.*, lag(h.at) over w as before, lag(h.documents) over w as d, lag(h.failures) over w as f, lag(h.chunks) over w as c,
             lag(h.texts) over w as t, lag(h.tokens) over w as k
      from ingest.ingest_history h
      where h.at >= coalesce((select max(o.at) from ingest.ingest_history o where o.at < v_first), v_first)
      window w as (order by h.at)
    ), whole as (  -- what differs from the row before happened since then; after a gap nobody knows when
      select n.*, greatest(n.since, v_first) as first, extract(epoch from n.at - n.since) as took, n.since = n.before as goes_on
      from noted n where n.at >= v_first
    ), shares as (
      select b.bucket, n.pending, n.scheduled, n.running, n.parked, n.goes_on, s.lasted,
             case when n.goes_on and n.took > 0 then s.lasted / n.took else 0 end as share,
             greatest(n.documents - n.d, 0) as d, greatest(n.failures - n.f, 0) as f, greatest(n.chunks - n.c, 0) as c,
             greatest(n.texts - n.t, 0) as t, greatest(n.tokens - n.k, 0) as k
      from whole n
      cross join lateral generate_series(floor(extract(epoch from n.first - v_first) / v_width)::int,
                                         floor(extract(epoch from n.at - v_first) / v_width)::int) as b (bucket)
      cross join lateral (
        select greatest(0, extract(epoch from least(n.at, v_first + (b.bucket + 1) * v_width * interval '1 second')
                                             - greatest(n.first, v_first + b.bucket * v_width * interval '1 second')))::float8 as lasted) s
    ), summed as (
      select s.bucket, nullif(sum(s.lasted) filter (where s.goes_on), 0) as lasted, max(s.pending) as pending, max(s.scheduled) as scheduled, max(s.running) as running, max(s.parked) as parked,
             sum(s.d * s.share) as d, sum(s.f * s.share) as f, sum(s.c * s.share) as c, sum(s.t * s.share) as t, sum(s.k * s.share) as k
      from shares s group by s.bucket
    )
    select v_first + g.bucket * v_width * interval '1 second', v_width, m.pending, m.scheduled, m.running,
           m.d / m.lasted, m.f / m.lasted, m.c / m.lasted, m.t / m.lasted, m.k / m.lasted, m.parked
    from generate_series(0, buckets - 1) as g (bucket) left join summed m on m.bucket = g.bucket
    order by g.bucket;
end
$$;

comment on function ingest.ingest_list_history(interval, int) is
  'How it went in the last period, in buckets of equal width: the most requests that were pending, scheduled, running or parked (waiting for a service), and '
  'documents, failures, chunks, texts and tokens a second. Null: no listener noted it. For operators of all collections; raises IG040 for others.';
