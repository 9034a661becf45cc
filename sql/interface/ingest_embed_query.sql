do $make$
begin
  -- A procedure that commits can't fix its search_path. So its body names our schema, holds no operator, and leaves all
  -- else to functions that do fix theirs.
  execute format($procedure$
create or replace procedure ingest_embed_query(
  query text, collection text default 'default', timeout interval default '10 seconds'
)
language plpgsql
as $$
declare
  v_refusal pg_catalog.text;
  v_began pg_catalog.timestamptz;
  v_asked %1$I.ingest_queries;
begin
  begin
    commit;  -- refused here in any case: within a transaction block for another reason than outside
  exception when invalid_transaction_termination then
    get stacked diagnostics v_refusal := message_text;
  end;
  perform %1$I.ingest_check_commits(v_refusal);
  v_began := %1$I.ingest_now();
  v_asked := %1$I.ingest_ask_query(query, collection, timeout);
  for v_look in 1 .. 2147483647 loop
    commit;  -- shows listeners what is asked, and us their answer; and nobody waits for our snapshot
    exit when %1$I.ingest_await_query(v_asked.space_id, v_asked.hash, v_began, timeout, v_look);
  end loop;
end
$$
$procedure$, current_schema());
end
$make$;

comment on procedure ingest_embed_query(text, text, interval) is
  'Has a listener embed a query and waits for it: then ingest_search(query, collection) goes by meaning too. '
  'IG030 empty, IG031 no space, IG032 no listener or none in time, IG033 in a transaction block, IG034 the embedder''s error.';
