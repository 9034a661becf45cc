-- What the trigger on forks saw, the row's check sees (ingest_may_fork): every inserter paid for looking at it.
drop trigger if exists ingest_requests_guard_fork on ingest.ingest_requests;
-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_guard_fork();
