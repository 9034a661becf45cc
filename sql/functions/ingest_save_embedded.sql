create or replace function ingest_save_embedded(p_requests uuid[], p_batch int, p_owner uuid, p_ids bigint[], p_errors jsonb[])
returns void
language plpgsql set search_path from current
as $$
declare
  v_owned uuid[];
begin
  v_owned := ingest_check_owner(p_requests, p_batch, p_owner, 'save');
  update ingest_revisions v
  set state = case when e.error is null then 'embedded' else 'failed' end, error = e.error
  from unnest(p_ids, p_errors) as e (id, error)
  where v.id = e.id and v.state = 'chunked' and v.request_id = any (v_owned);
end
$$;

comment on function ingest_save_embedded(uuid[], int, uuid, bigint[], jsonb[]) is 'chunked → embedded or failed; all chunks are written.';
