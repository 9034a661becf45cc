create or replace function ingest.ingest_words_statement(
  p_words text[], p_phrases text[], p_candidates text, p_any text, p_wider text, p_whole text, p_wanted ingest.ingest_wanted_v1,
  p_is_titled boolean, p_is_late boolean
) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
-- Words are written out: the planner knows how common each is, and nothing is looked up for each row. Documents are
-- fetched at the end, where that may be late. Weights are computed once (materialized), not for each row.
declare
  v_generation int := (select c.generation from ingest.ingest_collections c where c.name = p_wanted.collection);
  v_words int := cardinality(p_words);
  v_terms text[] := p_words || p_phrases;
  v_ranks text;
  v_counts text;
  v_weights text;
  v_most text;
  v_score text;
  v_rows text;
  v_best text;
begin
  select string_agg(
           case when place <= v_words then format(', ts_rank(''{0.5, 0.5, 0.6, 0.65}'', c.lexemes, %L) as r%s', term, place)
                else format(', case when c.lexemes @@ %L then 0.5 else 0 end as r%s', term, place) end, '' order by place),
         string_agg(format(', count(*) filter (where r%s > 0) as n%1$s', place), '' order by place),
         string_agg(format(', ln(1 + (w.chunks - f%1$s + 0.5) / (f%1$s + 0.5)) as w%1$s', place), '' order by place),
         string_agg(format(' + w%s', place), '' order by place), string_agg(format(' + r%s * w%1$s', place), '' order by place)
  into v_ranks, v_counts, v_weights, v_most, v_score from unnest(v_terms) with ordinality as t (term, place);
  v_rows := format(
    ', c.revision_id, c.ordinal, length(c.lexemes) as size, %s as is_named, %s as is_whole%s
     from ingest.ingest_chunk_store c%s
     where c.collection = %L and c.generation = %s%s',
    case when p_is_titled then 'c.revision_id = any ($4)' else 'false' end,
    case when p_whole is null then 'false' else format('c.lexemes @@ %L', p_whole) end, v_ranks,
    case when not p_is_late then format(' join ingest.ingest_documents d on d.revision_id = c.revision_id and d.collection = %L', p_wanted.collection) end,
    p_wanted.collection, v_generation, ingest.ingest_wanted_condition(p_wanted));
  v_best := case when p_is_titled or p_wanted.per_document is not null then
    'placed as (
       select s.*, row_number() over (partition by s.revision_id order by s.score desc, s.ordinal) as nth from scored s
     ), ranked as (
       select p.revision_id, p.ordinal, p.score + case when p.is_named and p.nth = 1 then p.most else 0 end as score
       from placed p where ($1).per_document is null or p.nth <= ($1).per_document
     )' else 'ranked as (select s.revision_id, s.ordinal, s.score from scored s)' end;
  return format(
    'with candidate as materialized (
       (select 1 as place%1$s and c.lexemes @@ %2$L%3$s limit $2)%5$s%4$s
     ), counted as (
       select count(*) as total, count(*) filter (where place = 1) as first, avg(size) as usual%6$s from candidate
     ), expected as (
       select n.*%7$s from counted n
     ), weighed as materialized (
       select w.usual%8$s from (select e.*, greatest($3, e.total%9$s) as chunks from expected e) w
     ), scored as (
       select k.revision_id, k.ordinal, k.is_named, 0%10$s as most, ((0%11$s) / (1 + 0.5 * k.size / w.usual) + case when k.is_whole then 0%10$s else 0 end)::float8 as score
       from candidate k cross join weighed w
     ), %12$s, first as (
       select r.* from ranked r order by r.score desc, r.revision_id, r.ordinal limit %13$s
     ), best as materialized (
       select f.*, d.uri, d.title from first f join ingest.ingest_documents d on d.revision_id = f.revision_id
       where d.collection = %14$L order by f.score desc, f.revision_id, f.ordinal limit ($1).k
     )
     select array[%15$s]::bigint[], n.first, n.total, array(
       select (b.uri, b.title, b.ordinal, null, b.score, null, b.revision_id, %16$L, rank() over (order by b.score desc), null, ($1).collection
              )::ingest.ingest_hit_v2
       from best b order by b.score desc, b.uri, b.ordinal)
     from counted n',
    v_rows, p_candidates, case when p_is_titled then ' and c.revision_id <> all ($4)' end,
    case when p_is_titled then format(' union all (select 3%s and c.lexemes @@ %L and c.revision_id = any ($4))', v_rows, p_any) end,
    case when p_wider is not null then format(
      ' union all (select 2%s and c.lexemes @@ %L and not c.lexemes @@ %L%s limit $6)', v_rows, p_wider, p_candidates,
      case when p_is_titled then ' and c.revision_id <> all ($4)' end) end,
    v_counts, (select string_agg(format(', greatest(n%s, ($5::float8[])[%1$s]) as f%1$s', n), '') from generate_series(1, cardinality(v_terms)) n),
    v_weights, (select string_agg(format(', f%s', n), '') from generate_series(1, cardinality(v_terms)) n), v_most, v_score, v_best,
    case when p_is_late then '100 + 2 * ($1).k::bigint' else '($1).k' end, p_wanted.collection,
    (select string_agg(format('n%s', n), ', ') from generate_series(1, cardinality(v_terms)) n),
    case when p_wanted.way is null and p_wanted.embedding is null then 'words_no_vector' else 'words' end);
end
$$;

comment on function ingest.ingest_words_statement(text[], text[], text, text, text, text, ingest.ingest_wanted_v1, boolean, boolean) is
  'The statement of a search by words, over chunks that match p_candidates, behind them those that match p_wider, and of titled documents those that match p_any: '
  '$1 what is wanted, $2 most candidates, $3 chunks of the collection, $4 revisions whose title is the query, $5 how many chunks have each word at least. '
  '$6 most of those by p_wider. p_is_titled: $4 is not empty. p_is_late: chunks of all revisions are ranked, and of the best those that are live kept, which may be too few. '
  'Returns how many candidates have each word, how many match p_candidates, how many there are, and the best.';
