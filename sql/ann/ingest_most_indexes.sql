create or replace function ingest.ingest_most_indexes() returns int
language sql immutable parallel safe
return 50;

comment on function ingest.ingest_most_indexes() is
  'How many ANN indexes there may be: each is looked at by every insert of a chunk, and by the planner (figures: decision 0019).';
