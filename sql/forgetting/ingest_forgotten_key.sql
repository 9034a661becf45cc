create or replace function ingest.ingest_forgotten_key(p_collection text, p_uri text) returns bytea
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select sha256(s.salt || convert_to(p_collection, 'UTF8') || E'\\x00'::bytea || convert_to(p_uri, 'UTF8')) from ingest.ingest_forgotten_salt s;
$$;

comment on function ingest.ingest_forgotten_key(text, text) is 'What a document that was forgotten is known by, without its name.';
