create or replace function ingest.ingest_caller() returns name
language sql stable parallel safe
return coalesce(nullif(current_setting('role'), 'none')::name, session_user);

comment on function ingest.ingest_caller() is
  'The caller: the role that was set (SET ROLE), otherwise the one that logged in. Also inside a function that runs as its owner.';
