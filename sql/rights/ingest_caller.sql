create or replace function ingest.ingest_caller() returns name
language sql stable parallel safe
return coalesce(nullif(current_setting('role'), 'none')::name, session_user);

comment on function ingest.ingest_caller() is
  'Who asks: the role that was set (SET ROLE), else the one that logged in. Inside of a function that runs as its owner, too.';
