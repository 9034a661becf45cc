create or replace function ingest.ingest_is_kept_out(p_collection text, p_uri text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- In most installations nothing was ever forgotten: then nothing is digested.
  select case when exists (select from ingest.ingest_forgotten)
              then exists (select from ingest.ingest_forgotten f where f.key = ingest.ingest_forgotten_key(p_collection, p_uri))
              else false end;
$$;

comment on function ingest.ingest_is_kept_out(text, text) is 'Whether a document was forgotten, and is not to come back. See ingest_let_back.';
