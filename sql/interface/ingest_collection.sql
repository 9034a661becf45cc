create or replace function ingest.ingest_collection(p_name text, p_settings jsonb default '{}') returns ingest.ingest_collections
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_collection ingest.ingest_collections;
  v_unknown text;
begin
  perform ingest.ingest_require('operate'::text, p_name);
  perform ingest.ingest_as_system();
  p_settings := coalesce(nullif(p_settings, 'null'), '{}');
  perform ingest.ingest_check_new_settings(p_name, p_settings);
  select string_agg(key, ', ') into v_unknown from jsonb_object_keys(p_settings) as keys (key)
  where key not in ('embedder', 'endpoint', 'model', 'dimensions', 'chunk_size', 'chunk_overlap', 'embedding_template',
                    'passage_prefix', 'query_prefix', 'text_config', 'max_running', 'weight', 'tenant', 'monthly_texts', 'monthly_cost', 'indexed', 'index_from', 'index_m',
                    'index_ef_construction', 'index_ef_search', 'steps');
  if v_unknown is not null then
    raise exception 'collection setting % is not known', v_unknown
      using errcode = 'IG012', constraint = 'unknown_setting',
            hint = 'Known are embedder, endpoint, model, dimensions, chunk_size, chunk_overlap, embedding_template, '
                   'passage_prefix, query_prefix, text_config, max_running, weight, tenant, monthly_texts, monthly_cost, indexed, index_from, index_m, '
                   'index_ef_construction, index_ef_search and steps.';
  end if;
  if p_settings ? 'endpoint' and not ingest.ingest_is_owner() then
    raise exception 'role "%" may not choose the service that listeners call', ingest.ingest_caller()
      using errcode = 'IG040', constraint = 'not_granted', hint = 'The owner of the schema sets a collection''s endpoint.';
  end if;
  perform ingest.ingest_check_template(p_settings ->> 'embedding_template');
  -- They stand in the settings of each request, and before each text that is embedded.
  select s.key into v_unknown from jsonb_each_text(p_settings) as s (key, value)
  where s.key in ('embedder', 'endpoint', 'model', 'embedding_template', 'passage_prefix', 'query_prefix') and octet_length(s.value) > 4000
  limit 1;
  if v_unknown is not null then
    raise exception 'collection setting % is too long', v_unknown
      using errcode = 'IG012', constraint = 'setting_too_long', hint = 'Give at most 4000 bytes.';
  end if;
  perform ingest.ingest_check_text_config(nullif(p_settings ->> 'text_config', 'auto'));
  perform ingest.ingest_check_chunk_settings(p_name, p_settings);
  perform ingest.ingest_check_index_settings(p_name, p_settings);
  perform ingest.ingest_check_steps(p_settings -> 'steps');
  perform ingest.ingest_require_no_switch(p_name, p_settings);
  insert into ingest.ingest_collections (name, created_by) values (p_name, ingest.ingest_caller()) on conflict do nothing;
  update ingest.ingest_collections c
  set chunk_size = coalesce((p_settings ->> 'chunk_size')::int, c.chunk_size),
      chunk_overlap = coalesce((p_settings ->> 'chunk_overlap')::int, c.chunk_overlap),
      embedding_template = coalesce(p_settings ->> 'embedding_template', c.embedding_template),
      passage_prefix = coalesce(p_settings ->> 'passage_prefix', c.passage_prefix),
      query_prefix = coalesce(p_settings ->> 'query_prefix', c.query_prefix),
      text_config = coalesce(nullif(p_settings ->> 'text_config', 'auto')::regconfig, c.text_config),
      by_language = coalesce(p_settings ->> 'text_config' = 'auto', c.by_language),
      max_running = case when p_settings ? 'max_running' then (p_settings ->> 'max_running')::int else c.max_running end,
      limited = c.limited or p_settings ->> 'max_running' is not null, weight = coalesce((p_settings ->> 'weight')::int, c.weight),
      monthly_texts = case when p_settings ? 'monthly_texts' then (p_settings ->> 'monthly_texts')::numeric::bigint else c.monthly_texts end,
      monthly_cost = case when p_settings ? 'monthly_cost' then (p_settings ->> 'monthly_cost')::numeric else c.monthly_cost end,
      indexed = coalesce((p_settings ->> 'indexed')::boolean, c.indexed), index_from = coalesce((p_settings ->> 'index_from')::int, c.index_from),
      index_m = coalesce((p_settings ->> 'index_m')::int, c.index_m), index_ef_search = coalesce((p_settings ->> 'index_ef_search')::int, c.index_ef_search),
      index_ef_construction = case when p_settings ? 'index_ef_construction' then (p_settings ->> 'index_ef_construction')::int
                                   else c.index_ef_construction end,
      steps = coalesce(nullif(p_settings -> 'steps', 'null'), c.steps), updated_at = ingest.ingest_now()
  where c.name = p_name;
  if p_settings ? 'tenant' then
    perform ingest.ingest_change_tenant(p_name, coalesce(p_settings ->> 'tenant', ''));
  end if;
  if p_settings ?| '{embedder,endpoint,model,dimensions}' then
    perform ingest.ingest_change_space(p_name, p_settings);
  end if;
  select * into strict v_collection from ingest.ingest_collections c where c.name = p_name;
  return v_collection;
end
$$;

comment on function ingest.ingest_collection(text, jsonb) is
  'Creates or changes a collection; settings that are omitted or null stay (max_running, monthly_texts, monthly_cost: null is no limit; index_ef_construction: by size). IG012 unknown setting or wrong value, IG013 its space or '
  'tenant is in use, IG040 only the owner may set its tenant, IG045 a generation is being made, whose switch would undo it.';
