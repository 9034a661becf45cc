create or replace function ingest.ingest_next_priority(p_long boolean, p_from bigint) returns int
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  return (select r.priority from ingest.ingest_requests r
          where r.status = 'pending' and r.due and ingest.ingest_is_long(r) = p_long and r.priority >= p_from
          order by r.priority limit 1);
end
$$;

comment on function ingest.ingest_next_priority(boolean, bigint) is 'The most urgent priority from p_from on that requests wait with; null: there is none.';
