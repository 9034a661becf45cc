create or replace function ingest.ingest_make_table_watch(
  p_relation oid, p_key text[], p_columns text[], p_template text, p_title text, p_metadata text[], p_principals text, p_media_type text,
  p_collection text, p_back_fill boolean, p_name text
) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- The part that only our owner may do. The caller creates the triggers, with its own rights (ingest_watch_table).
declare
  v_table ingest.ingest_watched_tables;
  v_schema text;
  v_relation text;
  v_wrong text;
begin
  perform ingest.ingest_require('submit'::text, p_collection);
  select n.nspname, c.relname into v_schema, v_relation
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = p_relation;
  v_table.relation := p_relation;
  v_table.named := format('%I.%I', v_schema, v_relation);
  perform ingest.ingest_check_watchable(p_relation, v_table.named);
  if octet_length(p_collection) not between 1 and 48 or p_collection ~ '[[:cntrl:]]' then
    raise exception 'the watch names a collection "%"', left(p_collection, 100)
      using errcode = 'IG016', constraint = 'wrong_collection_name',
            hint = 'A collection''s name has 1 to 48 bytes and no control characters.';
  end if;
  v_table.watch := coalesce(nullif(p_name, ''), v_relation);
  if octet_length(v_table.watch) > 200 or v_table.watch ~ '[[:cntrl:]]' then
    raise exception 'a watch can''t be named "%"', left(v_table.watch, 200)
      using errcode = 'IG051', constraint = 'wrong_watch_name', hint = 'Give at most 200 bytes, without control characters.';
  end if;
  if array_position(p_key || p_columns || p_metadata, null) is not null then
    raise exception 'a column of % is null', v_table.named
      using errcode = 'IG060', constraint = 'unknown_column', hint = 'NULL is no column name: write ''{title,body}'' without it.';
  end if;
  v_table.columns := array(select c.name from unnest(p_columns) with ordinality as c (name, place)
                           where c.name is not null group by c.name order by min(c.place));
  v_table.template := coalesce(nullif(p_template, ''), (select string_agg('{' || c.name || '}', E'\n\n' order by c.place)
                                                        from unnest(v_table.columns) with ordinality as c (name, place)));
  v_table.title := coalesce(nullif(p_title, ''), case when 'title' = any (v_table.columns) then 'title' end);
  v_table.metadata := array(select distinct m.name from unnest(p_metadata || p_principals) as m (name) where m.name is not null order by m.name);
  v_table.media_type := coalesce(nullif(p_media_type, ''), 'text/plain');
  perform ingest.ingest_check_table_template(v_table);
  v_table.key := ingest.ingest_table_key(p_relation, v_table.named, p_key);
  select string_agg(distinct format('"%s"', c.name), ', ') into v_wrong
  from unnest(v_table.columns || v_table.metadata || v_table.title) as c (name)
  where c.name is not null and not exists (
    select from pg_attribute a where a.attrelid = p_relation and a.attname = c.name and a.attnum > 0 and not a.attisdropped);
  if v_wrong is not null then
    raise exception '% has no column %', v_table.named, v_wrong
      using errcode = 'IG060', constraint = 'unknown_column',
            hint = 'Use the table''s column names, like columns => ''{title,body}'', metadata => ''{lang}'', principals => ''readers''.';
  end if;
  v_table.prefix := format('table://%s.%s/', ingest.ingest_percent_encode(v_schema), ingest.ingest_percent_encode(v_relation));
  if exists (select from ingest.ingest_watch_store w where w.name = v_table.watch)
     or exists (select from ingest.ingest_watched_tables t where t.collection = p_collection and t.prefix = v_table.prefix) then
    raise exception 'there is already a watch "%", or one of % for collection "%"', v_table.watch, v_table.named, p_collection
      using errcode = 'IG051', constraint = 'watch_exists',
            hint = 'Give another name, or remove that watch first: select ingest_unwatch(name).';
  end if;
  insert into ingest.ingest_watch_store (name, collection, options, created_by)
  values (v_table.watch, p_collection,
          case when p_principals is null then '{}' else jsonb_build_object('principals_field', p_principals) end, ingest.ingest_caller());
  insert into ingest.ingest_watched_tables
    (watch, collection, relation, named, prefix, key, columns, template, title, metadata, media_type, parts, needs_back_fill)
  values (v_table.watch, p_collection, p_relation, v_table.named, v_table.prefix, v_table.key, v_table.columns, v_table.template, v_table.title,
          v_table.metadata, v_table.media_type, ingest.ingest_parts(p_relation), coalesce(p_back_fill, true));
  v_table := ingest.ingest_check_table(v_table.watch);
  execute format('create sequence ingest.ingest_counted_%s increment 100 minvalue 0 start 0', v_table.number);
  execute format('create sequence ingest.ingest_missed_%s minvalue 0 start 1', v_table.number);
  execute format('select setval(''ingest.ingest_missed_%s'', 0)', v_table.number);
  execute format('comment on sequence ingest.ingest_counted_%s is %L', v_table.number, 'Counts changes of watch ' || v_table.watch);
  execute format('comment on sequence ingest.ingest_missed_%s is %L', v_table.number, 'Counts what watch ' || v_table.watch || ' missed');
  perform ingest.ingest_make_changed(v_table);
  execute format('comment on function ingest.ingest_changed_%s() is %L', v_table.number, 'Notes changes of ' || v_table.named || ' for watch ' || v_table.watch);
  execute format('revoke all on function ingest.ingest_changed_%s() from public', v_table.number);
  execute format('grant execute on function ingest.ingest_changed_%s() to %I', v_table.number, ingest.ingest_caller());
  return v_table.watch;
end
$$;

comment on function ingest.ingest_make_table_watch(oid, text[], text[], text, text, text[], text, text, text, boolean, text) is
  'The part of ingest_watch_table that the owner does: it checks what is asked for, enters it, and makes the trigger function.';
