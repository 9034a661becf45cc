create or replace function ingest.ingest_check_reembed(
  p_name text, p_collection ingest.ingest_collections, p_settings jsonb, p_options jsonb, p_keep interval
) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_wrong text;
begin
  if p_collection.name is null then
    raise exception 'there is no collection "%"', p_name
      using errcode = 'IG014', constraint = 'unknown_collection', hint = 'See select name from ingest_collections.';
  end if;
  if p_collection.space_id is null then
    raise exception 'collection "%" has no embedding space yet', p_name
      using errcode = 'IG045', constraint = 'nothing_to_reembed', hint = format('It holds nothing: select ingest_collection(%L, settings).', p_name);
  end if;
  perform ingest.ingest_check_new_settings(p_name, p_settings);
  select string_agg(k.key, ', ') into v_wrong from jsonb_object_keys(p_settings) as k (key)
  where k.key not in ('embedder', 'endpoint', 'model', 'dimensions', 'chunk_size', 'chunk_overlap', 'embedding_template', 'passage_prefix', 'query_prefix');
  if v_wrong is not null then
    raise exception 'setting % does not belong to a generation', v_wrong
      using errcode = 'IG012', constraint = 'unknown_setting',
            hint = 'A generation has embedder, endpoint, model, dimensions, chunk_size, chunk_overlap, embedding_template, passage_prefix and query_prefix; '
                   'for others: select ingest_collection(name, settings).';
  end if;
  if p_settings ? 'endpoint' and not ingest.ingest_is_owner() then
    raise exception 'role "%" may not choose the service that listeners call', ingest.ingest_caller()
      using errcode = 'IG040', constraint = 'not_granted', hint = 'The owner of the schema sets a collection''s endpoint.';
  end if;
  select s.key into v_wrong from jsonb_each_text(p_settings) as s (key, value) where octet_length(s.value) > 4000 limit 1;
  if v_wrong is not null then
    raise exception 'setting % is too long', v_wrong using errcode = 'IG012', constraint = 'setting_too_long', hint = 'Give at most 4000 bytes.';
  end if;
  perform ingest.ingest_check_template(p_settings ->> 'embedding_template');
  perform ingest.ingest_check_chunk_settings(p_name, p_settings);
  perform ingest.ingest_check_options(p_options);
  select string_agg(k.key, ', ') into v_wrong from jsonb_object_keys(p_options) as k (key)
  where k.key not in ('plan', 'planned', 'max_texts', 'max_cost', 'patience', 'timeout_seconds', 'batch_documents');
  if v_wrong is not null then
    raise exception 'option % has no meaning where nothing is read', v_wrong
      using errcode = 'IG003', constraint = 'unknown_option', hint = 'It takes plan, planned, max_texts, max_cost, patience, timeout_seconds and batch_documents.';
  end if;
  if p_keep < interval '0' or p_keep > interval '1000 years' then
    raise exception 'keep is %', p_keep using errcode = 'IG035', constraint = 'wrong_age', hint = 'How long the generation before is kept, like ''7 days''.';
  end if;
end
$$;

comment on function ingest.ingest_check_reembed(text, ingest.ingest_collections, jsonb, jsonb, interval) is 'Raises what is wrong with an order to re-embed a collection.';
