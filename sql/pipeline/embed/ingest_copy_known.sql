create or replace function ingest.ingest_copy_known(p_fence ingest.ingest_fence_v1, p_chunks ingest.ingest_chunk_v1[]) returns int[]
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_owned uuid[];
  v_settings record;
  v_gone int[];
begin
  v_owned := ingest.ingest_check_writer(p_fence);
  select * into v_settings from ingest.ingest_chunk_settings(v_owned[1], p_fence.batch);
  if v_settings.is_for_others then
    perform ingest.ingest_hold_others(p_chunks);
  end if;
  with written as (
    insert into ingest.ingest_chunk_store
      (revision_id, generation, ordinal, space_id, start_char, end_char, text_config, collection, text, hash, metadata,
       embedding, lexemes)
    select v.revision, v_settings.generation, n.ordinal, v_settings.space_id, n.start_char, n.end_char,
           l.config, v_settings.collection, n.text, n.hash, n.metadata, k.embedding,
           ingest.ingest_lexemes(l.config, v.title, n.metadata -> 'heading_path', ingest.ingest_words_of(n.metadata, n.text))
    from unnest(p_chunks) n
    cross join lateral (
      select c.embedding from ingest.ingest_chunk_store c where c.hash = n.hash and c.space_id = v_settings.space_id limit 1) k
    cross join lateral (
      select ingest.ingest_chunk_config(n.metadata, v_settings.by_language, v_settings.text_config) as config offset 0) l
    cross join lateral (
      select v.title, coalesce(v.stands_for, v.id) as revision from ingest.ingest_revisions v
      where v.id = n.revision and v.request_id = any (v_owned)
        and (v.stands_for is null or exists (select from ingest.ingest_revisions o where o.id = v.stands_for and o.text is not null)) offset 0) v
    on conflict do nothing
    returning revision_id, ordinal
  )
  select coalesce(array_agg(n.ordinality::int), '{}') into v_gone from unnest(p_chunks) with ordinality as n
  where not exists (
    select from written w where w.ordinal = n.ordinal and w.revision_id = case
      when v_settings.is_for_others then (select v.stands_for from ingest.ingest_revisions v where v.id = n.revision) else n.revision end);
  perform ingest.ingest_note_configs(v_settings.collection, v_settings.by_language, array(select n.metadata from unnest(p_chunks) n));
  return v_gone;
end
$$;

comment on function ingest.ingest_copy_known(ingest.ingest_fence_v1, ingest.ingest_chunk_v1[]) is
  'Writes chunks whose vectors the space has; returns the places (from 1) of those whose vector is gone by now.';
