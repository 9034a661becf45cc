create or replace function ingest.ingest_make_live(p_collection text, p_generation int) returns ingest.ingest_generations
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '2s'
as $$
-- A few rows, however many documents there are: readers see the generation that the collection's row names. The typed view has it
-- written out, so it is replaced in the same transaction.
declare
  v_view text := format('%I.%I', '{schema}', 'ingest_chunks_' || p_collection);
  v_old ingest.ingest_collections;
  v_new ingest.ingest_generations;
begin
  select c.* into v_old from ingest.ingest_collections c where c.name = p_collection for no key update;
  update ingest.ingest_generations g
  set state = 'former', switched_at = ingest.ingest_now(), keep = coalesce((
        select n.keep from ingest.ingest_generations n where n.collection = p_collection and n.generation = p_generation), g.keep), settings = jsonb_build_object(
        'chunk_size', v_old.chunk_size, 'chunk_overlap', v_old.chunk_overlap, 'embedding_template', v_old.embedding_template,
        'passage_prefix', v_old.passage_prefix, 'query_prefix', v_old.query_prefix)
  where g.collection = p_collection and g.generation = v_old.generation;
  update ingest.ingest_generations g set state = 'live', switched_at = ingest.ingest_now()
  where g.collection = p_collection and g.generation = p_generation returning * into v_new;
  update ingest.ingest_collections c
  set generation = p_generation, space_id = v_new.space_id, chunk_size = coalesce((v_new.settings ->> 'chunk_size')::int, c.chunk_size),
      chunk_overlap = coalesce((v_new.settings ->> 'chunk_overlap')::int, c.chunk_overlap),
      embedding_template = coalesce(v_new.settings ->> 'embedding_template', c.embedding_template),
      passage_prefix = coalesce(v_new.settings ->> 'passage_prefix', c.passage_prefix),
      query_prefix = coalesce(v_new.settings ->> 'query_prefix', c.query_prefix), updated_at = ingest.ingest_now()
  where c.name = p_collection;
  perform ingest.ingest_make_chunks_view(p_collection);
  if obj_description(to_regclass(v_view), 'pg_class') like 'Live chunks of collection %'
     and position(format('generation = %s)', p_generation) in pg_get_viewdef(to_regclass(v_view))) = 0 then
    raise exception 'view % can''t be replaced: others depend on it', v_view
      using errcode = 'IG045', constraint = 'view_in_use', hint = 'Drop the views that use it, and create them again behind the switch.';
  end if;
  return v_new;
exception when lock_not_available then
  raise exception 'collection "%" is locked by another transaction, or one reads its view', p_collection
    using errcode = 'IG045', constraint = 'switch_is_locked', hint = 'Again in a moment: an open transaction that has read ingest_chunks_<collection> is in the way.';
end
$$;

comment on function ingest.ingest_make_live(text, int) is
  'Has readers see another generation of a collection, and its settings hold for what comes; the one before is former. IG045 if the typed view can''t be replaced.';
