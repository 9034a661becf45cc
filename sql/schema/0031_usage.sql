-- What was sent to embedders is written down as it is sent, and summed up by day a day later. The table is empty so far.
-- squawk-ignore require-concurrent-index-creation
create index ingest_usage_single_idx on ingest.ingest_usage (at) where request_id is not null;

comment on table ingest.ingest_usage is
  'What was sent to embedders, for whom, and what it cost. Rows are only added, and outlive their requests; a day later those of a '
  'day (UTC) are summed up. Read ingest_usage_by_day.';
comment on column ingest.ingest_usage.at is 'When; of a sum, the beginning of its day.';
comment on column ingest.ingest_usage.request_id is 'For which request; null: a sum.';
