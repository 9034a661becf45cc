-- A count says until when it is good enough and for which limits, so that inserters need not work that out for each row.
-- Unlogged, and purged after ten minutes; counts of the former release have nulls here, which is: not good enough.
alter table ingest.ingest_pending_counts
  add column until timestamptz,
  add column most int,
  add column most_bytes bigint;

comment on column ingest.ingest_pending_counts.until is 'Until when it is good enough, while the limits are these.';
comment on column ingest.ingest_pending_counts.most is 'The limit of requests (max_pending) when it was counted.';
comment on column ingest.ingest_pending_counts.most_bytes is 'The limit of their bytes (max_pending_bytes) then.';

-- It gets what its caller knows: whether to count, and the role, which it need not find out again.
-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_check_limits(ingest.ingest_requests);
