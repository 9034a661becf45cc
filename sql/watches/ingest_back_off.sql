create or replace function ingest.ingest_back_off(p_failures int) returns interval
language sql immutable
return least(interval '30 seconds' * 2 ^ least(p_failures - 1, 10), interval '1 hour');

comment on function ingest.ingest_back_off(int) is 'How long a watch rests at least when it has failed so often in a row: 30 s, twice as long each time, an hour at most.';
