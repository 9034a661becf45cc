create or replace function ingest.ingest_watch_table(
  relation regclass, key text default null, columns text[] default null, template text default null, metadata text[] default null,
  principals text default null, collection text default 'default', back_fill boolean default true, name text default null,
  title text default null, media_type text default null
) returns text
language plpgsql set search_path = pg_catalog, pg_temp set lock_timeout = '100ms'
as $$
#variable_conflict use_variable
-- As the caller: the triggers are made with his rights on the table. Its lock is waited for briefly, again and again: who
-- waits for it keeps writers waiting.
declare
  v_watch text;
  v_statement text;
  v_until timestamptz := ingest.ingest_now() + interval '10 seconds';
begin
  if relation is null then
    raise exception 'no table is given'
      using errcode = 'IG060', constraint = 'not_watchable', hint = 'Write: select ingest_watch_table(''articles'', columns => ''{title,body}'').';
  end if;
  v_watch := ingest.ingest_make_table_watch(
    relation::oid, case when key like '{%' then nullif(key, '{}')::text[] when key <> '' then array[key] end, coalesce(columns, '{}'), template, title, coalesce(metadata, '{}'), nullif(principals, ''), media_type,
    coalesce(nullif(collection, ''), 'default'), back_fill, name);
  loop
    begin
      for v_statement in select ingest.ingest_table_triggers(v_watch) loop
        execute v_statement;
      end loop;
      exit;
    exception when lock_not_available or deadlock_detected then
      if ingest.ingest_now() > v_until then
        raise exception 'table % is in use by a transaction that has written to it', relation
          using errcode = 'IG060', constraint = 'table_busy', hint = 'See pg_locks for the session, or call again later.';
      end if;
    end;
    perform pg_sleep(0.1 + 0.2 * random());
  end loop;
  perform ingest.ingest_seal_table_watch(v_watch);
  return v_watch;
end
$$;

comment on function ingest.ingest_watch_table(regclass, text, text[], text, text[], text, text, boolean, text, text, text) is
  'Keeps the rows of a table in sync with a collection: a row is a document, its text is made of columns (by template, like ''{title}: {body}''). '
  'key: the columns that identify a row, by default the primary key. Returns the watch''s name, for ingest_unwatch. IG060 it can''t be watched, IG061 a right is missing.';
