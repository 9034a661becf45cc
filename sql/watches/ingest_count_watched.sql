create or replace function ingest.ingest_count_watched(
  p_watch text, p_most int default 100000, out documents bigint, out alone bigint
) returns record
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_watch ingest.ingest_watch_store;
  v_origin text;
begin
  select w.* into v_watch from ingest.ingest_watch_store w where w.name = p_watch;
  if not found or not ingest.ingest_may('operate'::text, v_watch.collection) then
    return;
  end if;
  v_origin := rtrim(ingest.ingest_locate(ingest.ingest_source_of_watch(v_watch)), '/');
  select count(*), count(*) filter (where not exists (
           select from ingest.ingest_document_origins n where n.document_id = d.id and n.origin <> v_origin))
  into documents, alone
  from (
    select d.id from ingest.ingest_document_origins o join ingest.ingest_documents d on d.id = o.document_id
    where o.origin = v_origin and d.collection = v_watch.collection limit p_most) d;
end
$$;

comment on function ingest.ingest_count_watched(text, int) is
  'How many documents came from a watch''s source, and how many of them from no other: what ingest_unwatch would delete. Counts up to p_most. '
  'Nulls where there is no such watch, or for who does not operate its collection.';
