create or replace function ingest.ingest_switch(collection text, without_index boolean default false, leave_failed boolean default false)
returns ingest.ingest_generations
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  v_generation ingest.ingest_generations;
  v_waits text;
begin
  perform ingest.ingest_require('operate'::text, collection);
  select g.* into v_generation from ingest.ingest_generations g where g.collection = ingest_switch.collection and g.state in ('building', 'stopped') order by g.state limit 1 for no key update;
  if not found then
    raise exception 'no generation of collection "%" is being made', collection
      using errcode = 'IG045', constraint = 'nothing_to_switch_to', hint = format('See select * from ingest_list_generations(%L).', collection);
  end if;
  v_waits := ingest.ingest_switch_waits_for(v_generation, false);
  if v_waits like 'documents:%' and leave_failed then
    -- They are found again when they are ingested again: nothing says that they have not changed.
    update ingest.ingest_documents d set settings_hash = null
    from ingest.ingest_revisions v where v.id = d.revision_id and d.collection = v_generation.collection and not ingest.ingest_stands_in(v.id, v.generation, v_generation.generation);
    v_waits := ingest.ingest_switch_waits_for(v_generation, true);
  end if;
  if v_waits is not null and not (v_waits like 'index:%' and coalesce(without_index, false)) then
    raise exception 'generation % of collection "%" waits for %', v_generation.generation, collection, v_waits
      using errcode = 'IG045', constraint = 'not_complete',
            hint = case when v_waits like 'index:%' then 'Wait, or: ingest_switch(…, without_index => true); searches by vector are slow until it stands.'
                        when v_waits like 'documents:%' then 'Mend them, or: ingest_switch(…, leave_failed => true); searches do not find them until they are ingested again.'
                        when v_generation.state = 'stopped' then format('It then lists what was published since. To give it up: select ingest_drop_generation(%L).', collection)
                        else 'Wait for its request.' end;
  end if;
  return ingest.ingest_make_live(collection, v_generation.generation);
end
$$;

comment on function ingest.ingest_switch(text, boolean, boolean) is
  'Has searches see the generation that was made, whatever the size in a moment. without_index: before its ANN index stands; leave_failed: without the documents that failed. IG045 if it is not complete.';
