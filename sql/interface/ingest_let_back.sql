create or replace function ingest.ingest_let_back(p_uri text, p_collection text default 'default') returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform ingest.ingest_require('operate'::text, p_collection);
  delete from ingest.ingest_forgotten f where f.key = ingest.ingest_forgotten_key(p_collection, p_uri);
  return found;
end
$$;

comment on function ingest.ingest_let_back(text, text) is
  'Lets a document that was forgotten be ingested again, by its exact URI; returns whether it was kept out. IG040 not granted.';
