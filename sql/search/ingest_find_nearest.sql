create or replace function ingest.ingest_find_nearest(p_wanted ingest.ingest_wanted_v1) returns setof ingest.ingest_hit_v2
language plpgsql stable set search_path = pg_catalog, pg_temp
  set hnsw.iterative_scan = 'strict_order' set hnsw.max_scan_tuples = '2147483647' set hnsw.scan_mem_multiplier = '100'
as $$
-- The settings above let an index scan go on until k live chunks that pass the filter are found. Of a document so many: the index
-- knows no documents, so it is asked for more and more until there are enough, the next ones are not similar enough, or 10,000 were
-- looked at. (1 - score: what is no number comes last.)
declare
  v_nearest text := ingest.ingest_nearest_statement(p_wanted);
  v_depth bigint := case when p_wanted.per_document is null then p_wanted.k else 20 + 4 * p_wanted.k::bigint end;
  v_near bigint;
  v_hits ingest.ingest_hit_v2[];
begin
  loop
    execute format(
      'with nearest (uri, title, ordinal, text, score, metadata, revision_id) as materialized (%s), kept as (
         select n.*, row_number() over (partition by n.revision_id order by 1 - n.score, n.ordinal) as nth from nearest n
         where ($1).min_similarity is null or (n.score >= ($1).min_similarity and n.score <> ''NaN''))
       select (select count(*) from kept), array(
         select (k.uri, k.title, k.ordinal, k.text, k.score, k.metadata, k.revision_id, ''vector'', null, rank() over (order by 1 - k.score),
                 ($1).collection)::ingest.ingest_hit_v2
         from kept k where ($1).per_document is null or k.nth <= ($1).per_document order by 1 - k.score, k.uri, k.ordinal limit ($1).k)', v_nearest)
      into v_near, v_hits using p_wanted, v_depth;
    exit when p_wanted.per_document is null or v_near < v_depth or cardinality(v_hits) >= p_wanted.k
              or v_depth >= greatest(10000, 100 * p_wanted.k::bigint);
    v_depth := 4 * v_depth;
  end loop;
  return query select * from unnest(v_hits);
end
$$;

comment on function ingest.ingest_find_nearest(ingest.ingest_wanted_v1) is 'Vector search over live chunks of one collection, nearest first.';
