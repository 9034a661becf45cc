create or replace function ingest.ingest_check_commits(p_refusal text) returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
-- Why a COMMIT was refused is told by its message alone, which is in the server's language. Within a function it is
-- refused for the same reason as within a transaction block.
declare
  v_refusal text;
begin
  begin
    commit;
  exception when invalid_transaction_termination then
    get stacked diagnostics v_refusal := message_text;
  end;
  if p_refusal = v_refusal then
    raise exception 'ingest_embed_query and ingest_rerank can''t be called in a transaction block'
      using errcode = 'IG033', constraint = 'called_in_a_transaction',
            hint = 'A listener sees only what is committed: call it before begin, on a connection in autocommit mode.';
  end if;
end
$$;

comment on function ingest.ingest_check_commits(text) is
  'Raises IG033 if a procedure can''t commit; p_refusal: the error of its COMMIT within a block with an exception clause.';
