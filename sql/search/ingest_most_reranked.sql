create or replace function ingest.ingest_most_reranked() returns int
language sql immutable parallel safe
return 50;

comment on function ingest.ingest_most_reranked() is 'How many hits of a search a re-ranker puts in order, unless more are asked for.';
