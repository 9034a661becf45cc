create or replace function ingest.ingest_watch(
  source text, collection text default 'default', name text default null, every interval default null, cron text default null,
  time_zone text default null, on_change boolean default false, options jsonb default '{}', metadata jsonb default '{}'
) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
-- A null, as programs send it for what is not given, is the default.
declare
  v_caller text := ingest.ingest_caller();
  v_now timestamptz := ingest.ingest_now();
  v_watch ingest.ingest_watch_store;
  v_former ingest.ingest_watch_store;
begin
  v_watch.source := nullif(ingest_watch.source, '');
  v_watch.collection := coalesce(nullif(ingest_watch.collection, ''), 'default');
  v_watch.name := coalesce(nullif(ingest_watch.name, ''), v_watch.collection || ':' || v_watch.source);
  if octet_length(v_watch.name) > 200 and nullif(ingest_watch.name, '') is null then
    v_watch.name := v_watch.collection || ':' || md5(v_watch.source);
  end if;
  v_watch.every := ingest_watch.every;
  v_watch.cron := nullif(btrim(ingest_watch.cron), '');
  v_watch.time_zone := nullif(ingest_watch.time_zone, '');
  v_watch.on_change := coalesce(ingest_watch.on_change, false);
  v_watch.options := coalesce(nullif(ingest_watch.options, 'null'), '{}');
  v_watch.metadata := coalesce(nullif(ingest_watch.metadata, 'null'), '{}');
  perform ingest.ingest_require('submit'::text, v_watch.collection);
  perform ingest.ingest_check_watch(v_watch);
  if v_watch.cron is not null then
    v_watch.time_zone := coalesce(v_watch.time_zone, 'UTC');
  end if;
  if not ingest.ingest_is_owner() and (
       select count(*) from ingest.ingest_watch_store w where w.created_by = v_caller and w.name <> v_watch.name) >= 1000 then
    raise exception 'role "%" has 1000 watches', v_caller
      using errcode = 'IG043', constraint = 'too_many_watches', hint = 'Remove some: select ingest_unwatch(name). Or watch a folder above.';
  end if;
  -- A new watch looks at once; one with cron at its times.
  v_watch.next_at := case when v_watch.cron is null or v_watch.on_change then v_now else ingest.ingest_next_look(v_watch, v_now) end;
  insert into ingest.ingest_watch_store (name, collection, source, options, metadata, every, cron, time_zone, on_change, created_by, created_at, next_at)
  values (v_watch.name, v_watch.collection, v_watch.source, v_watch.options, v_watch.metadata, v_watch.every, v_watch.cron, v_watch.time_zone,
          v_watch.on_change, v_caller, v_now, v_watch.next_at)
  on conflict on constraint ingest_watch_store_pkey do nothing;
  if not found then
    select w.* into v_former from ingest.ingest_watch_store w where w.name = v_watch.name for update;
    if not (v_former.created_by = v_caller or ingest.ingest_may('operate'::text, v_former.collection)) or v_former.source is null then
      raise exception 'there is already a watch "%"', v_watch.name
        using errcode = 'IG051', constraint = 'watch_exists',
              hint = 'Give this one another name or, if the other is yours, remove it first: select ingest_unwatch(name).';
    end if;
    -- Whoever changes it becomes its creator: a role must have agreed to what is requested with its rights.
    update ingest.ingest_watch_store w
    set (collection, source, options, metadata, every, cron, time_zone, on_change, created_by, created_at, next_at, failures, failing_since, error) =
        (v_watch.collection, v_watch.source, v_watch.options, v_watch.metadata, v_watch.every, v_watch.cron, v_watch.time_zone, v_watch.on_change,
         v_caller, v_now, v_watch.next_at, 0, null, null)
    where w.name = v_watch.name;
  end if;
  perform pg_notify(ingest.ingest_channel('watches'::text), '');
  return v_watch.name;
end
$$;

comment on function ingest.ingest_watch(text, text, text, interval, text, text, boolean, jsonb, jsonb) is
  'Keeps a source in sync with a collection: looks at an interval, at the times of a cron line, or when a file of a local source changes. '
  'Returns its name; a watch of that name is changed. IG040 if the caller may not submit, IG051 wrong argument.';
