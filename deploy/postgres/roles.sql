-- Before `ingest migrate`, once, as an administrator in the database that will hold everything. docker-compose.yml has Postgres run it when
-- the database is made. By hand, with the passwords in the environment for the second line:
--
--   psql -v ON_ERROR_STOP=1 -f deploy/postgres/roles.sql "$ADMIN_URL"
--   deploy/postgres/passwords.sh "$ADMIN_URL"
--
-- It is the block for the superuser on docs/operations.md. Nothing needs a superuser afterwards. An administrator with
-- CREATEROLE, and CREATE on the database, will do if pgvector is there. Passwords are not given here: a statement ends up in logs.

create extension if not exists vector;
create role ingest_owner login;                  -- owns everything: migrates and grants, and nothing else
create role ingest_listener login;               -- runs the listeners
create role ingest_app login;                    -- the application: inserts and searches
create role ingest_operator in role ingest_app;  -- also sees all requests, controls and deletes; grant it to people
-- An administrator who is no superuser, as on managed servers, must be a member to make schemas for it.
grant ingest_owner to current_user;
create schema ingest authorization ingest_owner;
create schema ingest_dbos authorization ingest_owner;
revoke ingest_owner from current_user;

-- So that `insert into ingest_requests …` needs no schema. Whoever logs in as another role needs the same.
alter role ingest_app in database :"DBNAME" set search_path = ingest, public;
