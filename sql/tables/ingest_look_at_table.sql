create or replace function ingest.ingest_look_at_table(p_watch text)
returns table (prefix text, template text, media_type text, is_back_fill boolean)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  select t.prefix, t.template, t.media_type, t.back_fill_id is not null
  from ingest.ingest_check_table(p_watch) t;
$$;

comment on function ingest.ingest_look_at_table(text) is
  'What is read for a watch of a table. IG061, IG062 as ingest_check_table.';
