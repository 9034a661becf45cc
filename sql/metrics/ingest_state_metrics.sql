create or replace function ingest.ingest_state_metrics() returns table (name text, label text, value float8)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  with listeners as materialized (
    select count(*) filter (where l.is_alive) as alive, count(*) filter (where not l.is_alive) as dead,
           coalesce(sum(l.capacity) filter (where l.is_alive), 0) as places,
           coalesce(sum(least(l.running, l.capacity)) filter (where l.is_alive), 0) as taken
    from (select o.*, ingest.ingest_seems_alive(o) as is_alive from ingest.ingest_listeners o) l
  ), away as materialized (
    select c.service, extract(epoch from ingest.ingest_now() - min(c.opened_at)) as seconds, row_number() over (order by min(c.opened_at), c.service) as place
    from ingest.ingest_circuits c where c.opened_at is not null group by c.service
  ), indexes as materialized (
    select p.state, p.last_error is not null as is_failing from ingest.ingest_plan_indexes() p
  )
  select 'ingest_listeners', 'alive', l.alive::float8 from listeners l
  union all select 'ingest_listeners', 'dead', l.dead::float8 from listeners l
  union all select 'ingest_places', null, l.places::float8 from listeners l
  union all select 'ingest_places_taken', null, l.taken::float8 from listeners l
  union all select 'ingest_circuits', 'open', count(*)::float8 from ingest.ingest_circuits c where c.opened_at is not null
  union all select 'ingest_circuits', 'suspected', count(*)::float8 from ingest.ingest_circuits c where c.opened_at is null
  union all select 'ingest_service_away_seconds', case when a.place <= 50 then a.service else 'other' end, greatest(a.seconds, 0)::float8
            from away a where a.place <= 51
  union all
  select 'ingest_watches', o.state, (select count(*) from ingest.ingest_watch_store w
    where o.state = case when w.paused_at is not null then 'paused' when w.failing_since is not null then 'failing' else 'ok' end)::float8
  from (values ('ok'), ('failing'), ('paused')) as o (state)
  union all
  select 'ingest_indexes', o.state, (select count(*) from indexes i where i.state = o.state)::float8
  from (values ('valid'), ('building'), ('waiting'), ('needs_owner'), ('own'), ('exact')) as o (state)
  union all select 'ingest_indexes_failing', null, count(*)::float8 from indexes i where i.is_failing
  union all select 'ingest_collections', null, count(*)::float8 from ingest.ingest_collections c
  union all
  select 'ingest_live_documents', null, coalesce(sum(s.documents), 0)::float8
  from ingest.ingest_index_store s join ingest.ingest_collections c on c.name = s.collection and c.generation = s.generation
  union all
  select 'ingest_live_chunks', null, coalesce(sum(s.chunks), 0)::float8
  from ingest.ingest_index_store s join ingest.ingest_collections c on c.name = s.collection and c.generation = s.generation
$$;

comment on function ingest.ingest_state_metrics() is 'Listeners, services, watches, indexes, and what is live: small tables, and what was counted before.';
