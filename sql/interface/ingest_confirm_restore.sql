create or replace function ingest.ingest_confirm_restore(p_cancel boolean default false) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Listeners of before are taken for ones that stopped in good order: they died of the restore, not of their work.
declare
  v_reason text := ingest.ingest_restored();
  v_here ingest.ingest_installation := ingest.ingest_place_of_work();
  v_cancelled int := 0;
  v_open int;
  v_one uuid;
begin
  perform ingest.ingest_require('operate'::text, ''::text);
  if v_reason is null then
    raise exception 'this database was not restored: there is nothing to confirm'
      using errcode = 'IG011', constraint = 'wrong_state', hint = 'Listeners work in it as usual: see ingest_status.';
  end if;
  perform ingest.ingest_as_system();
  if p_cancel then
    for v_one in select r.id from ingest.ingest_requests r where r.status in ('pending', 'running') order by r.id loop
      perform ingest.ingest_cancel(v_one);
      v_cancelled := v_cancelled + 1;
    end loop;
    update ingest.ingest_watch_store w set paused_at = ingest.ingest_now() where w.paused_at is null;
  end if;
  delete from ingest.ingest_listeners l;
  delete from ingest.ingest_circuits c;
  insert into ingest.ingest_installation as i select v_here.*
  on conflict on constraint ingest_installation_pkey do update
  set system_identifier = excluded.system_identifier, database_oid = excluded.database_oid, relation_oid = excluded.relation_oid,
      timeline = excluded.timeline, confirmed_at = excluded.confirmed_at, confirmed_by = excluded.confirmed_by;
  select count(*) into v_open from ingest.ingest_requests r where r.status in ('pending', 'running');
  perform pg_notify(ingest.ingest_channel('doorbell'::text), '');
  return format('%s requests continue, %s were cancelled', v_open, v_cancelled);
end
$$;

comment on function ingest.ingest_confirm_restore(boolean) is
  'Confirms that work continues in this database although it was restored from a copy (ingest_restored says why it counts as one). p_cancel: pending and '
  'running requests are cancelled first, and watches are paused, as in a copy for tests. For the owner and operators of all collections. IG011: nothing was restored.';
