create or replace function ingest.ingest_plan_indexes()
returns table (collection text, generation int, space_id int, dimensions int, chunks bigint, state text, todo text, why text, name text, building text,
               wanted jsonb, percent numeric, bytes bigint, built_at timestamptz, took interval, last_error text, refused text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- The one place that decides: which collections get an index, which index goes, and what is said of it.
  with made as materialized (
    select * from ingest.ingest_made_indexes()
  ), alive as materialized (
    select count(*) as listeners, coalesce(bool_and(l.maintains is false), false) as are_all_refused, max(l.maintenance_error) as error
    from ingest.ingest_listeners l where ingest.ingest_seems_alive(l)
  ), other as materialized (
    -- The lock of maintenance in another session. How far a session of a role beside the owner is, the owner does not see.
    select count(*) > 0 as is_at_work from pg_locks l
    where l.locktype = 'advisory' and l.granted and l.objsubid = 1 and l.pid <> pg_backend_pid()
      and l.database = (select d.oid from pg_database d where d.datname = current_database())
      and (l.classid::bigint << 32) | l.objid::bigint = ingest.ingest_lock_key('maintenance'::text)
  ), known as (
    select s.*, case when g.state is null and c.generation = s.generation then 'live' when g.state in ('building', 'live', 'former') then g.state end as stage, p.id as space_id, p.dimensions, c.indexed,
           case when m.name is null then c.index_from else c.index_from / 2 end as least,  -- nothing is dropped for a few chunks less
           jsonb_build_object('m', c.index_m, 'ef_construction', coalesce(
             c.index_ef_construction, ingest.ingest_index_candidates(s.chunks, c.index_m, (m.settings ->> 'ef_construction')::int))) as wanted,
           m.name is not null as is_there, m.settings, m.bytes, m.rows, m.predicate, coalesce(b.phase, case when s.building is not null and w.is_at_work then 'at work' end) as phase, b.tuples, o.name as own,
           s.failed_at + least(interval '1 hour', interval '1 minute' * 2 ^ least(s.failures, 6)) as again_at
    from ingest.ingest_index_store s cross join other w
    left join ingest.ingest_collections c on c.name = s.collection
    left join ingest.ingest_generations g on g.collection = s.collection and g.generation = s.generation
    left join ingest.ingest_spaces p on p.id = coalesce(g.space_id, c.space_id)
    left join made m on m.name = s.name and m.is_valid
    left join made b on b.name = s.building
    left join lateral (
      select o.name from made o
      -- One that the statement without ours can go by: of whole vectors, by cosine, of this space and generation.
      where m.name is null and not o.is_ours and o.is_valid and position('vector_cosine_ops' in o.definition) > 0
        and position(format('vector(%s)', p.dimensions) in o.definition) > 0
        and (o.predicate is null or position('collection = ''' || replace(s.collection, '''', '''''') || '''::text' in o.predicate) > 0)
        and (coalesce(o.predicate, '') !~ 'space_id = ' or position(format('(space_id = %s)', p.id) in o.predicate) > 0)
        and (coalesce(o.predicate, '') !~ 'generation = ' or position(format('(generation = %s)', s.generation) in o.predicate) > 0)
      limit 1) o on true
  ), sorted as (
    select k.*, case
        when k.stage is null then 'gone'
        when k.stage = 'former' then 'former'
        when not k.indexed then 'off'
        when k.chunks <= k.least or k.dimensions is null then 'small'
        when k.dimensions > 4000 then 'wide'
        when k.own is not null then 'own'
        else 'large' end as kind
    from known k
  ), placed as (
    select s.*, case when s.kind = 'large' then row_number() over (
        partition by s.kind order by s.chunks * case when s.is_there then 1.5 else 1 end desc, s.collection, s.generation) end as place
    from sorted s
  ), loading as (
    select p.*, l.coming, coalesce(l.coming > 0 or w.is_due, false) as is_loading, coalesce(10 * l.coming_lately > p.chunks, false) as is_bulk
    from placed p
    left join lateral (
      select coalesce(sum(b.documents) * (p.chunks / greatest(p.documents, 1) + 1), count(*))::bigint as coming,
             sum(b.documents) filter (where r.started_at > ingest.ingest_now() - interval '2 hours') * (p.chunks / greatest(p.documents, 1) + 1) as coming_lately
      from ingest.ingest_requests r left join ingest.ingest_batches b on b.request_id = r.id and b.finished_at is null
      where r.status = 'running' and r.collection = p.collection) l on p.place <= ingest.ingest_most_indexes()
    left join lateral (
      select exists (select from ingest.ingest_requests r where r.status = 'pending' and r.due and r.collection = p.collection) as is_due
    ) w on p.place <= ingest.ingest_most_indexes() and not p.is_there
  ), judged as (
    select l.*, case
        when l.kind = 'large' and l.place > ingest.ingest_most_indexes() then 'passed'
        when l.kind <> 'large' then l.kind
        when l.is_there and l.coming >= 5 * l.chunks then 'reload'
        when l.is_there and (l.settings <> l.wanted or position(format('(space_id = %s)', l.space_id) in l.predicate) = 0) then 'changed'
        when l.is_there and l.bytes > 1048576 and l.bytes > 3.0 * l.bytes_built * greatest(l.rows, l.chunks) / greatest(l.rows_built, 1) then 'mostly dead'
        when l.is_there then 'valid'
        when l.is_loading and l.wanted_since > ingest.ingest_now() - case when l.coming < l.chunks then interval '10 minutes' else interval '2 hours' end
          then 'loading'
        else 'due' end as verdict
    from loading l
  ), decided as (
    select j.*, case when j.is_bulk then ' when its load is over, or after 2 hours' else '' end as after, case
        when j.building is not null then 'clear'
        when j.again_at > ingest.ingest_now() then null
        when j.verdict = 'due' then 'build'
        -- An entry costs four times as much when it is inserted, into the old index and the new one, as when it is built.
        when j.verdict in ('changed', 'mostly dead') and not j.is_bulk then 'rebuild'
        when j.is_there and j.verdict in ('gone', 'off', 'small', 'wide', 'passed', 'reload') then 'drop' end as todo
    from judged j
  )
  select d.collection, d.generation, d.space_id, d.dimensions, d.chunks,
         case when d.phase is not null then 'building'
              when d.is_there then 'valid'
              when d.kind = 'own' then 'own'
              when d.kind <> 'large' or d.verdict = 'passed' then 'exact'
              when d.todo is not null and a.are_all_refused then 'needs_owner'
              else 'waiting' end,
         d.todo,
         case when d.phase is not null then d.phase
              when d.again_at > ingest.ingest_now() then format('failed %s, tried again at %s', case d.failures when 1 then 'once' else d.failures || ' times' end, date_trunc('second', d.again_at))
              when d.building is not null then 'its builder died: it is rebuilt'
              else case d.verdict
                when 'gone' then 'its collection or generation is gone: it is dropped'
                when 'former' then 'a former generation'
                when 'off' then 'turned off'
                when 'small' then format('not more than %s chunks', d.least)
                when 'wide' then format('%s dimensions: an index takes 4000', d.dimensions)
                when 'own' then format('index %I is yours', d.own)
                when 'passed' then format('%s larger collections have one', ingest.ingest_most_indexes())
                when 'reload' then format('about %s chunks are coming: dropped, and rebuilt after them', d.coming)
                when 'changed' then 'its settings or space changed: it is rebuilt' || d.after
                when 'mostly dead' then 'most of its chunks are gone: it is rebuilt' || d.after
                when 'loading' then 'its requests run or wait: built after them, or after 10 minutes (2 hours if they bring more than there is)'
                when 'due' then case when a.listeners = 0 then 'no listener runs; or: ingest maintain' else 'next' end end end,
         d.name, d.building, d.wanted,
         -- For a partial index the server knows no total.
         case when d.phase is not null then round(least(99.9, 100.0 * coalesce(d.tuples, 0) / greatest(d.chunks, 1)), 1) end,
         d.bytes, d.built_at, d.took, d.last_error, case when d.todo is not null and a.are_all_refused then a.error end
  from decided d cross join alive a
$$;

comment on function ingest.ingest_plan_indexes() is
  'What to do about the ANN index of each collection and generation: todo build, rebuild, drop, clear (the rest of a dead builder) or nothing, and why.';
