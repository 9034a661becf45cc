create or replace function ingest.ingest_count_lasts(p_count ingest.ingest_pending_counts, p_most int, p_most_bytes bigint) returns interval
language sql immutable
return greatest(
  -- Room in requests; of bytes, 100,000 to a request.
  case when least(p_most - p_count.pending, (p_most_bytes - p_count.bytes) / 100000) > 1000
       then least(1, (p_most - p_count.pending) / 5000.0, (p_most_bytes - p_count.bytes) / 5e8)::float8 * interval '1 second'
       else interval '0' end,
  case when p_count.pending > 1000 then 20 * p_count.took else interval '0' end);

comment on function ingest.ingest_count_lasts(ingest.ingest_pending_counts, int, bigint) is
  'How long a count is good enough: a second at most, less where little room is left, not at all where there is hardly any; but counting '
  'many takes no more than 5 % of the time.';
