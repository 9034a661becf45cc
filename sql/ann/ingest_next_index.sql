create or replace function ingest.ingest_next_index(
  p_passed text[], out name text, out collection text, out generation int, out todo text, out why text, out statement text, out memory_kb bigint
) language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
-- For the one session that has the lock of maintenance: what is being built by the tables, nobody builds.
declare
  v_one record;
  v_is_valid boolean;
begin
  loop
    select p.* into v_one from ingest.ingest_plan_indexes() p where p.todo is not null and coalesce(p.building, p.name, p.collection) <> all (p_passed)
    order by array_position('{clear,drop,build,rebuild}', p.todo), p.chunks desc limit 1;
    exit when not found;
    collection := v_one.collection; generation := v_one.generation; todo := v_one.todo; why := v_one.why;
    if todo <> 'clear' then
      exit;
    end if;
    select m.is_valid into v_is_valid from ingest.ingest_made_indexes() m where m.name = v_one.building;
    if v_is_valid is false then
      name := v_one.building; todo := 'drop'; why := 'its builder died';
      exit;
    end if;
    -- Nothing is left of it; or it was finished, and nobody was there to say so.
    perform ingest.ingest_end_index(v_one.building, case when v_is_valid is null then 'its builder died' end);
  end loop;
  if v_one.collection is null then
    select m.name into name from ingest.ingest_made_indexes() m
    where m.is_ours and m.name <> all (p_passed) and not exists (select from ingest.ingest_index_store s where m.name in (s.name, s.building)) limit 1;
    todo := case when name is not null then 'drop' end; why := 'no collection has it';
  elsif todo = 'drop' then
    name := coalesce(name, v_one.name);
  else
    name := 'ingest_ann_' || nextval('ingest.ingest_ann_numbers');
    update ingest.ingest_index_store s set building = name, began_at = ingest.ingest_now()
    where s.collection = v_one.collection and s.generation = v_one.generation;
    statement := format(
      'create index concurrently %I on ingest.ingest_chunk_store using hnsw ((embedding::vectors.halfvec(%s)) vectors.halfvec_cosine_ops)'
      ' with (m = %s, ef_construction = %s) where collection = %L and space_id = %s and generation = %s',
      name, v_one.dimensions, v_one.wanted ->> 'm', v_one.wanted ->> 'ef_construction', v_one.collection, v_one.space_id, v_one.generation);
    -- So much the graph takes while it is built: vectors, links of 16 bytes, 200 bytes beside them.
    memory_kb := v_one.chunks * (2 * v_one.dimensions + 40 * (v_one.wanted ->> 'm')::int + 200) / 800;
  end if;
  if todo = 'drop' then
    statement := format('drop index concurrently if exists %I.%I', '{schema}', name);
  end if;
end
$$;

comment on function ingest.ingest_next_index(text[]) is
  'What maintenance is to do next, with its statement, which runs outside of a transaction; then ingest_end_index. Name null: nothing. Not: what failed before.';
