create or replace function ingest.ingest_note_configs(p_collection text, p_by_language boolean, p_metadata jsonb[]) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  insert into ingest.ingest_collection_configs (collection, text_config)
  select p_collection, o.config
  from (
    select distinct ingest.ingest_language_config(l.language, c.text_config) as config
    from (select distinct jsonb_build_object('language', coalesce(m.one ->> 'language', m.one ->> 'lang')) as language from unnest(p_metadata) as m (one)) l
    join ingest.ingest_collections c on c.name = p_collection
  ) o
  where p_by_language and not exists (
    select from ingest.ingest_collection_configs k where k.collection = p_collection and k.text_config = o.config)
  order by o.config on conflict do nothing;
$$;

comment on function ingest.ingest_note_configs(text, boolean, jsonb[]) is
  'Notes under which configurations a collection by language has chunks now; order by, so that two never wait for each other.';
