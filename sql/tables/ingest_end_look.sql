create or replace function ingest.ingest_end_look(p_table ingest.ingest_watched_tables, p_last ingest.ingest_requests)
returns ingest.ingest_watched_tables
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if p_last.discovered_at is not null then
    delete from ingest.ingest_changed_keys k where k.watch = p_table.number;
  end if;
  if p_table.back_fill_id is null then
    return p_table;
  end if;
  update ingest.ingest_watched_tables t
  set needs_back_fill = t.needs_back_fill or (t.back_fill_id is not null and p_last.discovered_at is null), back_fill_id = null
  where t.watch = p_table.watch
  returning t.* into p_table;
  return p_table;
end
$$;

comment on function ingest.ingest_end_look(ingest.ingest_watched_tables, ingest.ingest_requests) is
  'What the end of a watch''s last request means: the keys that it looked at are done with; a back-fill that did not look at all rows is needed still.';
