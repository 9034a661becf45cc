-- A procedure that commits can't fix its search_path. So its body holds no operator and no bare name, and leaves all else to
-- functions that do fix theirs.
create or replace procedure ingest.ingest_embed_query(
  query text, collection text default 'default', timeout interval default '10 seconds'
)
language plpgsql
as $$
declare
  v_refusal pg_catalog.text;
  v_question pg_catalog.int8;
begin
  begin
    commit;  -- refused here in any case: within a transaction block for another reason than outside
  exception when invalid_transaction_termination then
    get stacked diagnostics v_refusal := message_text;
  end;
  perform ingest.ingest_check_commits(v_refusal);
  v_question := ingest.ingest_ask(query, collection, timeout);
  for v_look in 1 .. 2147483647 loop
    commit;  -- shows listeners what is asked, and us their answer; and nobody waits for our snapshot
    exit when ingest.ingest_await(v_question, v_look);
  end loop;
end
$$;

comment on procedure ingest.ingest_embed_query(text, text, interval) is
  'Has a listener embed a query and waits for it: then ingest_search(query, collection) searches by meaning too. '
  'IG030 empty, IG031 no space, IG032 no listener, none in time or too many queries, IG033 in a transaction block, IG034 the embedder''s error.';
