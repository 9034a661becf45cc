-- Functions look names up in pg_catalog only, so a text search configuration of somebody's own is stored with its schema.
do $$
begin
  if exists (
    select from ingest.ingest_collections c join pg_catalog.pg_ts_config t on t.oid = c.text_config
    where t.cfgnamespace <> 'pg_catalog'::regnamespace
  ) then
    perform set_config('ingest.writer', statement_timestamp()::text, true);
    update ingest.ingest_requests r
    set settings = r.settings || jsonb_build_object('text_config', c.text_config::text)
    from ingest.ingest_collections c join pg_catalog.pg_ts_config t on t.oid = c.text_config
    where r.collection = c.name and r.settings ->> 'text_config' = quote_ident(t.cfgname);
  end if;
end
$$;
