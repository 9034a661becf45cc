create or replace function ingest.ingest_save_chunks(p_fence ingest.ingest_fence_v1, p_chunks ingest.ingest_chunk_v1[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_owned uuid[];
  v_settings record;
begin
  v_owned := ingest.ingest_check_writer(p_fence);
  select * into v_settings from ingest.ingest_chunk_settings(v_owned[1], p_fence.batch);
  if v_settings.is_for_others then
    perform ingest.ingest_hold_others(p_chunks);
  end if;
  insert into ingest.ingest_chunk_store
    (revision_id, generation, ordinal, space_id, start_char, end_char, text_config, collection, text, hash, metadata, embedding,
     lexemes)
  select v.revision, v_settings.generation, n.ordinal, v_settings.space_id, n.start_char, n.end_char, l.config,
         v_settings.collection, n.text, n.hash, n.metadata, n.embedding,
         ingest.ingest_lexemes(l.config, v.title, n.metadata -> 'heading_path', ingest.ingest_words_of(n.metadata, n.text))
  from unnest(p_chunks) n
  cross join lateral (
    select ingest.ingest_chunk_config(n.metadata, v_settings.by_language, v_settings.text_config) as config offset 0) l
  cross join lateral (
    select v.title, coalesce(v.stands_for, v.id) as revision from ingest.ingest_revisions v
    where v.id = n.revision and v.request_id = any (v_owned)
      and (v.stands_for is null or exists (select from ingest.ingest_revisions o where o.id = v.stands_for and o.text is not null)) offset 0) v
  on conflict do nothing;
  if v_settings.by_language then
    perform ingest.ingest_note_configs(v_settings.collection, v_settings.by_language, array(select n.metadata from unnest(p_chunks) n));
  end if;
end
$$;

comment on function ingest.ingest_save_chunks(ingest.ingest_fence_v1, ingest.ingest_chunk_v1[]) is 'Stores chunks with their new vectors.';
