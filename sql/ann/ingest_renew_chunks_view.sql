create or replace function ingest.ingest_renew_chunks_view(p_name text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '150ms'
as $$
begin
  perform ingest.ingest_make_chunks_view(s.collection) from ingest.ingest_index_store s
  where s.name = p_name and not exists (
    select from pg_attribute a where a.attrelid = to_regclass(format('%I.%I', '{schema}', 'ingest_chunks_' || s.collection)) and a.attname = 'embedding_half')
    and exists (select from ingest.ingest_collections c where c.name = s.collection and c.space_id is not null);
exception when lock_not_available then
  null;  -- somebody reads it: with the next index
end
$$;

comment on function ingest.ingest_renew_chunks_view(text) is
  'Recreates the typed view of the collection that has this index, if it is a former release''s, which lacks the column that fits the index.';
