create or replace function ingest.ingest_find_nearest(p_wanted ingest.ingest_wanted_v1) returns setof ingest.ingest_hit_v2
language plpgsql stable set search_path = pg_catalog, pg_temp
  set hnsw.iterative_scan = 'relaxed_order' set hnsw.scan_mem_multiplier = '100' set hnsw.max_scan_tuples = '2147483647'
as $$
-- Ways to look, the next one where too few of what was found are live and wanted: 1 our index as the collection has it set; 2 with most
-- candidates; 3 going on in it until there are enough, where fewer pass by than the exact way would read; 4 exact, or by an index of the
-- user's own. Our index goes by halves of the vectors' numbers, so it is asked for a few more; what it goes on to comes out of order, so for many more.
-- Of a document so many: no index knows documents, so more and more are asked for until there are enough, the next ones are not similar
-- enough, or 10,000 were looked at. (1 - score: what is no number comes last.)
declare
  v_candidates int;
  v_chunks bigint;
  v_before text := coalesce(nullif(current_setting('hnsw.ef_search', true), ''), '40');  -- the caller's, for an index of his own
  v_depth bigint := case when p_wanted.per_document is null then p_wanted.k else 20 + 4 * p_wanted.k::bigint end;
  v_way int;
  v_asked bigint;
  v_passed bigint;
  v_seen bigint;
  v_near bigint;
  v_hits ingest.ingest_hit_v2[];
begin
  select a.candidates, a.chunks into v_candidates, v_chunks
  from ingest.ingest_ann(p_wanted.collection, (select c.generation from ingest.ingest_collections c where c.name = p_wanted.collection)) a;
  v_way := case when v_candidates is null then 4 when ingest.ingest_wanted_condition(p_wanted) <> '' then 2 else 1 end;
  loop
    v_asked := case v_way when 3 then 30 + 3 * v_depth when 4 then v_depth else 5 + v_depth + v_depth / 5 end;
    if v_way < 4 and 10 * v_asked > v_chunks then
      v_way := 4;
      continue;
    end if;
    perform
      set_config('hnsw.iterative_scan', case when v_way < 3 then 'off' else 'relaxed_order' end, true),
      set_config('hnsw.ef_search', case v_way when 1 then least(greatest(v_candidates, v_asked), 1000)::text when 4 then v_before else '1000' end, true),
      set_config('hnsw.max_scan_tuples', case when v_way = 3 then 4 * v_passed else 2147483647 end::text, true);
    execute format(
      'with nearest (uri, title, ordinal, score, revision_id) as materialized (%s), kept as (
         select n.*, row_number() over (partition by n.revision_id order by 1 - n.score, n.ordinal) as nth from nearest n
         where ($1).min_similarity is null or (n.score >= ($1).min_similarity and n.score <> ''NaN''))
       select (select count(*) from nearest), (select count(*) from kept), array(
         select (k.uri, k.title, k.ordinal, null, k.score, null, k.revision_id, ''vector'', null, rank() over (order by 1 - k.score),
                 ($1).collection)::ingest.ingest_hit_v2
         from kept k where ($1).per_document is null or k.nth <= ($1).per_document order by 1 - k.score, k.uri, k.ordinal limit ($1).k)',
      ingest.ingest_nearest_statement(p_wanted, v_way < 4))
      into v_seen, v_near, v_hits using p_wanted, v_asked;
    if v_way < 4 and v_seen < v_asked then
      -- To look at a chunk in the index takes about fifty times as long as to read one where all are read.
      v_passed := (30 + 3 * v_depth) * 1000 / greatest(v_seen, 1);
      v_way := case when v_way = 2 and 50 * v_passed > v_chunks then 4 else v_way + 1 end;
      continue;
    end if;
    exit when p_wanted.per_document is null or v_near < v_asked or cardinality(v_hits) >= p_wanted.k
              or v_depth >= greatest(10000, 100 * p_wanted.k::bigint);
    v_depth := 4 * v_depth;
  end loop;
  perform set_config('hnsw.ef_search', v_before, true);
  return query select * from unnest(v_hits);
end
$$;

comment on function ingest.ingest_find_nearest(ingest.ingest_wanted_v1) is 'Vector search over live chunks of one collection, nearest first.';
