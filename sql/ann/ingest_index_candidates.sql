create or replace function ingest.ingest_index_candidates(p_chunks bigint, p_links int, p_present int) returns int
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  -- Where a thousand chunks lie closer to each other than to all others, 64 candidates are all of one kind, and no link leads away from them:
  -- searches that begin among the wrong ones end there. An index is not rebuilt because its collection shrank a little.
  select greatest(case when p_chunks >= 200000 or p_chunks >= 100000 and p_present >= 200 then 200 else 64 end, 2 * p_links);
$$;

comment on function ingest.ingest_index_candidates(bigint, int, int) is
  'The candidates for links of an index over so many chunks, with so many links a chunk, where the collection sets none; p_present: those of the index that is there.';
