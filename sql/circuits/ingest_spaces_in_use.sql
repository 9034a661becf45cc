create or replace function ingest.ingest_spaces_in_use(p_space jsonb, p_limit int)
returns table (service text, tenant text, embedder text, endpoint text, model text, dimensions int)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- However much waits: some of what runs, and the first of what is due.
  with used as (
    (select r.collection from ingest.ingest_requests r where r.status = 'running' limit 1000)
    union
    (select r.collection from ingest.ingest_requests r where r.status = 'pending' and r.due
     order by ingest.ingest_is_long(r), r.priority, coalesce(r.submitted_by, r.created_by), r.collection limit 1000)
  ), found as (
    select p as space, '' as tenant from jsonb_populate_record(null::ingest.ingest_spaces, p_space) p
    union all
    select s, c.tenant from used u join ingest.ingest_collections c on c.name = u.collection join ingest.ingest_spaces s on s.id = c.space_id
  )
  select distinct ingest.ingest_service(f.space), f.tenant, (f.space).embedder, (f.space).endpoint, (f.space).model, (f.space).dimensions
  from found f order by 1, 2, 6 limit p_limit;
$$;

comment on function ingest.ingest_spaces_in_use(jsonb, int) is
  'The space p_space, of new collections, and those of collections with unfinished requests; the service of each, and for which tenant.';
