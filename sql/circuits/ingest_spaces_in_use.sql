create or replace function ingest.ingest_spaces_in_use(p_limit int)
returns table (embedder text, endpoint text, model text, dimensions int)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- However much waits: some of what runs, and the first of what is due.
  select distinct s.embedder, s.endpoint, s.model, s.dimensions
  from (select r.collection from ingest.ingest_requests r where r.status = 'running' limit 1000) r
  join ingest.ingest_collections c on c.name = r.collection join ingest.ingest_spaces s on s.id = c.space_id
  union
  select distinct s.embedder, s.endpoint, s.model, s.dimensions
  from (select p.collection from ingest.ingest_requests p where p.status = 'pending' and p.due and not p.limited
        order by p.priority, p.created_at, p.id limit 1000) p
  join ingest.ingest_collections c on c.name = p.collection join ingest.ingest_spaces s on s.id = c.space_id
  limit p_limit;
$$;

comment on function ingest.ingest_spaces_in_use(int) is 'Spaces of collections with unfinished requests.';
