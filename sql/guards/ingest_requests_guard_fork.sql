-- Its name sorts before ingest_requests_prepare, so it comes first.
create or replace trigger ingest_requests_guard_fork before insert on ingest.ingest_requests
  for each row when (new.forked_from is not null or new.fork_step is not null)
  execute function ingest.ingest_guard_fork();
