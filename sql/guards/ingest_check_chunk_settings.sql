create or replace function ingest.ingest_check_chunk_settings(p_name text, p_settings jsonb) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
-- Checks what will be in the row: one of the two may stay as it is.
declare
  v_size int;
  v_overlap int;
begin
  select coalesce((p_settings ->> 'chunk_size')::int, c.chunk_size, 1000), coalesce((p_settings ->> 'chunk_overlap')::int, c.chunk_overlap, 100)
  into v_size, v_overlap
  from (select p_name) as n (name) left join ingest.ingest_collections c on c.name = n.name;
  if v_overlap > v_size / 2 then
    raise exception 'chunks of collection "%" would have % characters and repeat % of the previous one', p_name, v_size, v_overlap
      using errcode = 'IG012', constraint = 'overlap_too_large',
            hint = format('chunk_overlap is at most half of chunk_size: give one of at most %s, or a chunk_size of at least %s.',
                          v_size / 2, 2 * v_overlap);
  end if;
end
$$;

comment on function ingest.ingest_check_chunk_settings(text, jsonb) is
  'Raises IG012 where settings would leave a collection with an overlap of more than half a chunk.';
