create or replace function ingest.ingest_refuse_queries(p_space int, p_hashes bytea[], p_error jsonb) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  update ingest.ingest_queries q set error = p_error, text = null, claimed_until = null
  from (
    select o.hash from ingest.ingest_queries o
    where o.space_id = p_space and o.hash = any (p_hashes) and o.text is not null order by o.hash for update
  ) open
  where q.space_id = p_space and q.hash = open.hash;
$$;

comment on function ingest.ingest_refuse_queries(int, bytea[], jsonb) is 'Tells those who wait for these queries why they can''t be embedded.';
