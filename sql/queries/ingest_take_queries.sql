create or replace function ingest.ingest_take_queries(p_limit int)
returns table (space_id int, embedder text, endpoint text, model text, dimensions int, hash bytea, text text)
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  select set_config('synchronous_commit', 'off', true);  -- of a cache; nobody need wait for the disk
  -- Nobody waits for these any more. What is being embedded stays: its answer is worth keeping.
  delete from ingest.ingest_queries q using (
    select o.space_id, o.hash from ingest.ingest_queries o
    where o.text is not null and o.wanted_until < ingest.ingest_now()
      and coalesce(o.claimed_until, '-infinity') < ingest.ingest_now()
    for update skip locked
  ) late where q.space_id = late.space_id and q.hash = late.hash;
  -- A claim is short, for the case that its listener dies; a second answer does no harm.
  with open as (
    select o.space_id, o.hash from ingest.ingest_queries o
    where o.text is not null and o.wanted_until >= ingest.ingest_now()
      and coalesce(o.claimed_until, '-infinity') < ingest.ingest_now()
    order by o.wanted_until limit p_limit for update skip locked
  )
  update ingest.ingest_queries q set claimed_until = ingest.ingest_now() + interval '5 seconds'
  from open join ingest.ingest_spaces s on s.id = open.space_id
  where q.space_id = open.space_id and q.hash = open.hash
  returning s.id, s.embedder, s.endpoint, s.model, s.dimensions, q.hash, q.text;
$$;

comment on function ingest.ingest_take_queries(int) is 'Takes queries that wait for their vectors, those of other listeners passed by, and removes those that nobody waits for.';
