create or replace function ingest_save_embedded(p_requests uuid[], p_batch int, p_owner uuid, p_ids bigint[], p_errors jsonb[])
returns void
language plpgsql set search_path from current
as $$
declare
  v_owned uuid[];
begin
  v_owned := ingest_check_owner(p_requests, p_batch, p_owner, 'save');
  update ingest_revisions v
  set (state, error) = (
    select case when p_errors[i] is null then 'embedded' else 'failed' end, p_errors[i]
    from array_position(p_ids, v.id) as i)  -- not joined: see ingest_save_loaded
  where v.request_id = any (v_owned) and v.batch = p_batch and v.state = 'chunked' and v.id = any (p_ids);
end
$$;

comment on function ingest_save_embedded(uuid[], int, uuid, bigint[], jsonb[]) is 'chunked → embedded or failed; all chunks are written.';
