create or replace function ingest.ingest_require_no_switch(p_collection text, p_settings jsonb) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- A switch brings the settings that its generation was ordered with: what is set meanwhile would be undone.
declare
  v_present jsonb;
  v_generation int;
  v_state text;
  v_changed text;
begin
  select to_jsonb(c) into v_present from ingest.ingest_collections c where c.name = p_collection for no key update;  -- so does an order
  select string_agg(s.key, ', ') into v_changed from jsonb_each_text(p_settings) as s (key, value)
  where s.key in ('chunk_size', 'chunk_overlap', 'embedding_template', 'passage_prefix', 'query_prefix', 'space_id') and s.value <> v_present ->> s.key;
  select g.generation, g.state into v_generation, v_state from ingest.ingest_generations g
  where g.collection = p_collection and g.state in ('building', 'stopped') limit 1;
  if v_changed is not null and v_generation is not null then
    raise exception 'generation % of collection "%" is %, and a switch to it would undo a change of %', v_generation, p_collection,
                    case v_state when 'building' then 'being made' else 'stopped' end, v_changed
      using errcode = 'IG045', constraint = 'generation_in_work',
            hint = format('Wait for the switch, or give it up: select ingest_drop_generation(%L). To have both: select ingest_reembed(%1$L, settings) then, with all of them.', p_collection);
  end if;
end
$$;

comment on function ingest.ingest_require_no_switch(text, jsonb) is
  'Raises IG045 where a collection''s settings of chunks or space (space_id) would change while a generation is being made, or may be taken up again.';
