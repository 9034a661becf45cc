create or replace function ingest.ingest_check_service(p_collection text) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_error jsonb := (
    select c.error from ingest.ingest_collections k join ingest.ingest_spaces s on s.id = k.space_id
    join ingest.ingest_circuits c on (c.service, c.tenant) = (ingest.ingest_service(s), k.tenant)
    where k.name = p_collection and c.opened_at is not null);
begin
  if v_error is not null then
    raise exception '%', v_error ->> 'message'
      using errcode = 'IG034', constraint = v_error ->> 'code', hint = v_error ->> 'hint';
  end if;
end
$$;

comment on function ingest.ingest_check_service(text) is 'Raises IG034, with the service''s error, while the service that embeds a collection''s queries is away.';
