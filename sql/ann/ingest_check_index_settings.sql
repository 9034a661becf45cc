create or replace function ingest.ingest_check_index_settings(p_name text, p_settings jsonb) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
-- Checks what will be in the row: one of the two may stay as it is. Without candidates of its own it has enough.
declare
  v_m int;
  v_candidates int;
begin
  select coalesce((p_settings ->> 'index_m')::int, c.index_m, 16), 
         case when p_settings ? 'index_ef_construction' then (p_settings ->> 'index_ef_construction')::int else c.index_ef_construction end
  into v_m, v_candidates
  from (select p_name) as n (name) left join ingest.ingest_collections c on c.name = n.name;
  if v_candidates < 2 * v_m then
    raise exception 'the index of collection "%" would have % links per chunk, from % candidates', p_name, v_m, v_candidates
      using errcode = 'IG012', constraint = 'too_few_candidates',
            hint = format('index_ef_construction is at least twice index_m: give %s or more, or an index_m of at most %s.', 2 * v_m, v_candidates / 2);
  end if;
end
$$;

comment on function ingest.ingest_check_index_settings(text, jsonb) is
  'Raises IG012 where settings would leave a collection with an index that can''t be built.';
