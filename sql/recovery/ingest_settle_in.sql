create or replace function ingest.ingest_settle_in() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_here ingest.ingest_installation := ingest.ingest_place_of_work();
  v_reason text := ingest.ingest_restored();
begin
  if v_reason is not null then
    raise exception 'this database was restored from a copy: %', v_reason
      using errcode = 'IG025', constraint = 'restored_database',
            hint = 'See what would continue: select * from ingest_status where status in (''pending'', ''running''). Then: ingest confirm-restore';
  end if;
  if not exists (select from ingest.ingest_installation i where i.timeline = v_here.timeline) then
    insert into ingest.ingest_installation as i select v_here.*
    on conflict on constraint ingest_installation_pkey do update set timeline = excluded.timeline;
  end if;
end
$$;

comment on function ingest.ingest_settle_in() is
  'A listener works here: remembers where that is. IG025: the database was restored from a copy, and nobody has confirmed that work continues in it.';
