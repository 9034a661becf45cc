create or replace function ingest.ingest_restored() returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
-- A failover begins a timeline, too: then listeners gave signs of life a moment before.
declare
  v_known ingest.ingest_installation := (select i from ingest.ingest_installation i);
  v_here ingest.ingest_installation := ingest.ingest_place_of_work();
  v_life timestamptz;
begin
  if v_known.system_identifier <> v_here.system_identifier then
    return 'it is in another cluster than the one it was in (a dump, a clone or an upgraded cluster)';
  elsif v_known.database_oid <> v_here.database_oid then
    return 'it is another database than the one it was in (a dump or a clone)';
  elsif v_known.relation_oid <> v_here.relation_oid then
    return 'its tables were made anew from a dump';
  elsif v_known.timeline <> v_here.timeline then
    select max(l.heartbeat_at) into v_life from ingest.ingest_listeners l;
    if v_life is null or v_life < ingest.ingest_now() - interval '5 minutes' then
      return format('its cluster went back to an earlier time (timeline %s after %s), and no listener gave a sign of life %s', v_here.timeline,
                    v_known.timeline, coalesce('since ' || v_life, 'lately'));
    end if;
  end if;
  return null;
end
$$;

comment on function ingest.ingest_restored() is
  'Why this database is taken for a copy of the one that listeners worked on, restored from a dump or a backup; null: it is not. As long as it is one, no '
  'listener begins anything in it: see ingest_confirm_restore.';
