create or replace function ingest.ingest_take_queries(p_limit int)
returns table (space_id int, embedder text, endpoint text, model text, dimensions int, hash bytea, text text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
-- Most of what the indexes hold was answered just now: only a plain index scan notes which, for the next one to pass by.
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_now timestamptz := ingest.ingest_now();
begin
  perform set_config('synchronous_commit', 'off', true);  -- of a cache; nobody need wait for the disk
  -- Nobody waits for these any more.
  delete from ingest.ingest_questions q using (
    select o.id from ingest.ingest_questions o where o.wanted_until < v_now - interval '5 seconds' for update skip locked
  ) late where q.id = late.id;
  -- A claim is short, for the case that its listener dies; a second answer does no harm. One for each text; roles take turns.
  return query
  with first as (
    select distinct on (o.space_id, o.hash) o.id, o.asked_by from ingest.ingest_questions o
    where o.text is not null and o.wanted_until >= v_now and coalesce(o.claimed_until, '-infinity') < v_now
      and not exists (select from ingest.ingest_questions s
                      where s.space_id = o.space_id and s.hash = o.hash and s.claimed_until >= v_now)
      and not exists (select from ingest.ingest_queries k
                      where k.space_id = o.space_id and k.hash = o.hash and k.embedding is not null)
    order by o.space_id, o.hash, o.id
  ), waiting as (
    select f.id, row_number() over (partition by f.asked_by order by f.id) as turn from first f
  ), open as (
    select o.id from ingest.ingest_questions o join waiting w on w.id = o.id
    where o.text is not null and coalesce(o.claimed_until, '-infinity') < v_now
    order by w.turn, o.id limit p_limit for update of o skip locked
  ), claimed as (
    update ingest.ingest_questions q set claimed_until = v_now + interval '5 seconds'
    from open where q.id = open.id
    returning q.space_id, q.hash, q.text
  )
  select s.id, s.embedder, s.endpoint, s.model, s.dimensions, c.hash, c.text
  from claimed c join ingest.ingest_spaces s on s.id = c.space_id;
end
$$;

comment on function ingest.ingest_take_queries(int) is
  'Takes queries that wait for their vectors, those of other listeners passed by, and deletes those that nobody waits for.';
