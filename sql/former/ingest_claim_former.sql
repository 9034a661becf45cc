create or replace function ingest.ingest_claim(
  p_executor text, p_limit int, p_roots text[], p_space jsonb, p_priority int default null, p_created_at timestamptz default null
) returns table (id uuid, priority int, created_at timestamptz, source text, options jsonb, attempt int, share text)
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select c.id, c.priority, c.created_at, c.source, c.options, c.attempt, c.share
  from ingest.ingest_claim(p_executor, p_roots, p_space, p_limit, p_limit, 0, '{}'::jsonb, false, '{}'::jsonb) c
  where c.id is not null;
$$;

comment on function ingest.ingest_claim(text, int, text[], jsonb, int, timestamptz) is
  'For listeners of the former release: ingest_claim, always from the front of the line.';
