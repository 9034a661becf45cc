create or replace function ingest.ingest_sampled_tables(p_dbos_schema text) returns setof oid
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select c.oid from pg_class c
  where c.relkind = 'r' and c.reltuples >= 0 and c.relowner = current_user::regrole::oid
    and (c.relnamespace = to_regnamespace(quote_ident(p_dbos_schema))
         or c.relnamespace = (select o.relnamespace from pg_class o where o.oid = 'ingest.ingest_requests'::regclass) and c.relname like E'ingest\\_%');
$$;

comment on function ingest.ingest_sampled_tables(text) is 'Our tables, and DBOS''s, of which the planner has samples.';
