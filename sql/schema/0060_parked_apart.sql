-- What waits for a service holds nothing: it is counted apart from what runs.
alter table ingest.ingest_history add column parked bigint not null default 0;

comment on column ingest.ingest_history.running is 'Requests that ran; 10000 at most. Notes of a former release count parked ones among them.';
comment on column ingest.ingest_history.parked is 'Requests that waited for a service; 10000 at most, with those that ran.';

-- They return a column more.
-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_count_open();
-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_list_history(interval, int);
