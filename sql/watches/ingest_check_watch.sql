create or replace function ingest.ingest_check_watch(p_watch ingest.ingest_watch_store) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_request ingest.ingest_requests;
begin
  if p_watch.source is null then
    raise exception 'a watch needs a source'
      using errcode = 'IG001', constraint = 'nothing_to_ingest', hint = 'Write it like select ingest_watch(''/srv/docs'', every => ''1 hour''). For tables: ingest_watch_table.';
  elsif p_watch.source ~* '^table:' then
    raise exception 'the source of watch "%" is a table', left(p_watch.name, 100)
      using errcode = 'IG008', constraint = 'table_source', hint = 'Tables are watched by their writes: select ingest_watch_table(''articles'', columns => ''{title,body}'');';
  elsif p_watch.options -> 'plan' = 'true' then
    raise exception 'watch "%" would plan, and keep nothing in sync', left(p_watch.name, 100)
      using errcode = 'IG004', constraint = 'wrong_option_type', hint = 'Plan once: ingest plan SOURCE. Then watch it, without the option plan.';
  elsif octet_length(p_watch.name) > 200 or p_watch.name ~ '[[:cntrl:]]' then
    raise exception 'a watch can''t be named "%"', left(p_watch.name, 100)
      using errcode = 'IG051', constraint = 'wrong_watch_name', hint = 'A name has 1 to 200 bytes and no control characters.';
  elsif pg_column_size(p_watch.options) + pg_column_size(p_watch.metadata) > 100000 then
    raise exception 'options and metadata of watch "%" have more than 100000 bytes', p_watch.name
      using errcode = 'IG009', constraint = 'value_too_long', hint = 'They are stored with each of its requests: give less.';
  end if;
  v_request.id := gen_random_uuid();
  v_request.source := p_watch.source;
  v_request.collection := p_watch.collection;
  perform ingest.ingest_check_source(v_request);
  perform ingest.ingest_check_options(p_watch.options);
  perform ingest.ingest_check_metadata(p_watch.metadata);
  v_request.metadata := p_watch.metadata;
  perform ingest.ingest_check_lengths(v_request);
  perform ingest.ingest_check_schedule(p_watch);
end
$$;

comment on function ingest.ingest_check_watch(ingest.ingest_watch_store) is
  'Raises what is wrong with a new watch: IG051, or what its requests would be refused with.';
