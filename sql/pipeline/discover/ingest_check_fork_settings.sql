create or replace function ingest.ingest_check_fork_settings(p_fork ingest.ingest_requests) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
-- Boundaries hold under the chunk settings that they were made with, vectors under those of the embedding,
-- within a tenant: it would learn, later, which texts the other one holds.
declare
  v_keys text[] := case p_fork.fork_step
    when 'chunk' then '{steps,step_versions}'::text[]
    when 'embed' then '{steps,step_versions,chunk_size,chunk_overlap}'::text[]
    when 'save' then '{steps,step_versions,chunk_size,chunk_overlap,space_id,embedding_template,passage_prefix,tenant}'::text[] end;
  v_other text;
begin
  select string_agg(k.key, ', ') into v_other
  from ingest.ingest_requests o cross join unnest(v_keys) as k (key)
  where o.id = p_fork.forked_from and o.settings -> k.key is distinct from p_fork.settings -> k.key;
  if v_other is not null then
    raise exception 'collection "%" has other settings than request % had: %', p_fork.collection, p_fork.forked_from, v_other
      using errcode = 'IG023', constraint = 'other_settings',
            hint = case when v_other like '%step%' then 'Fork it from load.' when v_other like '%chunk_%' then 'Fork it from chunk.' else 'Fork it from embed.' end;
  end if;
end
$$;

comment on function ingest.ingest_check_fork_settings(ingest.ingest_requests) is 'Raises IG023 where a fork can''t use what was made under the original''s settings.';
