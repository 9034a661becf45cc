create or replace function ingest.ingest_known_hashes(p_space int, p_hashes bytea[]) returns setof bytea
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select h.hash from unnest(p_hashes) as h (hash)
  where exists (select from ingest.ingest_chunk_store c where c.hash = h.hash and c.space_id = p_space);
$$;

comment on function ingest.ingest_known_hashes(int, bytea[]) is 'Which of these texts the space has embedded already.';
