create or replace function ingest.ingest_keep_settings(p_request ingest.ingest_requests) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- A request keeps the settings that it started with, unless the collection's have changed since and nothing of it is
-- published: then its texts are chunked and embedded again, under the present ones.
declare
  v_now jsonb := (
    select ingest.ingest_settings(c, s) from ingest.ingest_collections c join ingest.ingest_spaces s on s.id = c.space_id
    where c.name = p_request.collection);
begin
  if p_request.generation is not null then
    perform ingest.ingest_take_up_generation(p_request);
    return;
  end if;
  if p_request.settings is null or v_now = '{"generation": 1}' || (p_request.settings - '{pipeline,ocr,step_versions}'::text[]) then
    return;
  end if;
  if not exists (select from ingest.ingest_revisions v where v.request_id = p_request.id and v.state = 'published') then
    -- Own steps have made the texts what they are.
    perform ingest.ingest_undo(p_request.id, case when v_now -> 'steps' is distinct from p_request.settings -> 'steps' then 'discovered'::text else 'loaded'::text end);
    update ingest.ingest_revisions v set generation = (v_now ->> 'generation')::int
    where v.request_id = p_request.id and v.state in ('discovered', 'loaded', 'failed') and v.generation <> (v_now ->> 'generation')::int;
    update ingest.ingest_requests r set settings = null where r.id = p_request.id;
  elsif v_now -> 'space_id' is distinct from p_request.settings -> 'space_id'
        and ingest.ingest_generation(p_request) = (v_now ->> 'generation')::int then  -- in another one: what it brings is brought into this one, too
    raise exception 'collection "%" has another embedding space than the one request % has published into', p_request.collection, p_request.id
      using errcode = 'IG018', constraint = 'space_changed', hint = 'Start over, as a new request: select ingest_fork(id).';
  elsif v_now -> 'tenant' is distinct from p_request.settings -> 'tenant' then
    raise exception 'collection "%" belongs to another tenant than when request % published into it', p_request.collection, p_request.id
      using errcode = 'IG018', constraint = 'tenant_changed', hint = 'Start over, as a new request: select ingest_fork(id).';
  end if;
end
$$;

comment on function ingest.ingest_keep_settings(ingest.ingest_requests) is 'Drops the settings that a request started with, if others apply now and it published nothing.';
