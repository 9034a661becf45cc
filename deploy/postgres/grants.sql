-- After `ingest migrate`, as ingest_owner. May be run again: docker-compose.yml does so at each start.
-- This is the block for the owner on docs/operations.md, which says what each kind of role may do; a test keeps them the same.

select ingest.ingest_grant('ingest_app', 'submitter');
select ingest.ingest_grant('ingest_app', 'searcher');
select ingest.ingest_grant('ingest_operator', 'operator');
select ingest.ingest_grant('ingest_listener', 'listener');

-- DBOS's tables, those of its next version too. Nobody but listeners should have these: `ingest grant … --as listener` gives the same.
grant usage on schema ingest_dbos to ingest_listener;
grant select, insert, update, delete on all tables in schema ingest_dbos to ingest_listener;
grant usage, select, update on all sequences in schema ingest_dbos to ingest_listener;
grant execute on all functions in schema ingest_dbos to ingest_listener;
alter default privileges for role ingest_owner in schema ingest_dbos grant select, insert, update, delete on tables to ingest_listener;
alter default privileges for role ingest_owner in schema ingest_dbos grant usage, select, update on sequences to ingest_listener;
alter default privileges for role ingest_owner in schema ingest_dbos grant execute on functions to ingest_listener;
