create or replace function ingest.ingest_is_known(p_space int, p_hash bytea) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from ingest.ingest_queries q
                 where q.space_id = p_space and q.hash = p_hash and q.embedding is not null) then
    return false;
  end if;
  if current_setting('transaction_read_only') = 'off' then
    -- A row that another caller's transaction notes is noted already.
    update ingest.ingest_queries q set used_at = ingest.ingest_now()
    from (select o.space_id, o.hash from ingest.ingest_queries o
          where o.space_id = p_space and o.hash = p_hash and o.used_at < ingest.ingest_now() - interval '1 minute'
          for no key update skip locked) used
    where q.space_id = used.space_id and q.hash = used.hash;
  end if;
  return true;
end
$$;

comment on function ingest.ingest_is_known(int, bytea) is 'Whether the vector of a query is in the cache; if so, notes that it is used.';
