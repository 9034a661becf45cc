create or replace function ingest.ingest_search_principals(p_collection text, p_given text[]) returns text[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform ingest.ingest_require('search'::text, p_collection);
  if p_given is not null then
    perform ingest.ingest_require('gateway'::text, p_collection);
    return p_given;
  elsif not exists (select from ingest.ingest_documents d where d.collection = p_collection and d.principals is not null)
        or ingest.ingest_may('operate'::text, p_collection) then
    return null;
  end if;
  return ingest.ingest_principals();
end
$$;

comment on function ingest.ingest_search_principals(text, text[]) is
  'For whom the caller searches: null for everybody, otherwise only documents without principals or with one of these are found. '
  'IG040 if it may not search the collection, or gives principals and is no gateway.';
