create or replace function ingest.ingest_most_changes() returns int
language sql immutable
return 100000;

comment on function ingest.ingest_most_changes() is 'How many statements'' changes of a watch may wait; beyond it, all rows are read again.';
