-- As ingest_embed_query: a procedure that commits can't fix its search_path, so its body holds no operator and no bare name.
create or replace procedure ingest.ingest_rerank(
  query text, collection text default 'default', k int default 50, filter jsonb default '{}', by text default null,
  under text default null, per_document int default null, collections text[] default null, since timestamptz default null,
  min_similarity float8 default null, words_weight float8 default 1, vector_weight float8 default 1, principals text[] default null,
  timeout interval default '30 seconds'
)
language plpgsql
as $$
declare
  v_refusal pg_catalog.text;
  v_questions pg_catalog.int8[];
begin
  begin
    commit;  -- refused here in any case: within a transaction block for another reason than outside
  exception when invalid_transaction_termination then
    get stacked diagnostics v_refusal := message_text;
  end;
  perform ingest.ingest_check_commits(v_refusal);
  v_questions := ingest.ingest_ask_rerank(
    query, collection, k, filter, by, under, per_document, collections, since, min_similarity, words_weight, vector_weight, principals, timeout);
  for v_look in 1 .. 2147483647 loop
    commit;  -- shows listeners what is asked, and us their answer; and nobody waits for our snapshot
    exit when ingest.ingest_await_rerank(v_questions, v_look);
  end loop;
end
$$;

comment on procedure ingest.ingest_rerank(
  text, text, int, jsonb, text, text, int, text[], timestamptz, float8, float8, float8, text[], interval) is
  'Has a listener''s re-ranker score the k best chunks of a search and waits for it: then ingest_search(query, collection, rerank => true) ranks by '
  'these scores. Other arguments are those of ingest_search; principals: as in ingest_search_for. IG030 empty, IG032 no listener, no re-ranker, none in time or too '
  'many questions, IG033 in a transaction block, IG034 the re-ranker''s error, IG014, IG035, IG040 as ingest_search.';
