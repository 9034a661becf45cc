create or replace function ingest.ingest_share_left(p_state text) returns float8
language sql immutable
return case p_state
  when 'discovered' then 1.0 when 'loaded' then 0.8 when 'refined' then 0.75 when 'chunked' then 0.7 when 'enriched' then 0.65
  when 'embedded' then 0.1 else 0.0 end;

comment on function ingest.ingest_share_left(text) is 'What is left to be done of a document in a state, as a share of all that is done to one.';
