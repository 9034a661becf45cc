create or replace function ingest.ingest_most_ranked() returns bigint
language sql immutable parallel safe
return 10000;

comment on function ingest.ingest_most_ranked() is 'How many chunks a search by words ranks at most: some 2 µs for each, and its page if that is not in memory.';
