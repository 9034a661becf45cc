create or replace function ingest.ingest_option_example(p_key text, p_type text) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select case
    when p_key = 'crawl' then '{"depth": 2, "pages": 500}'
    when p_key = 'record' then '{"text": "body", "id": "id", "title": "title", "metadata": ["author"]}'
    when p_key = 'publish' then '"request"' when p_key = 'most_gone' then '0.8' when p_key = 'principals' then '["support", "sales"]'
    when p_key = 'principals_field' then '"readers"'
    when p_key = 'planned' then '"0b6b1c9e-0000-4000-8000-000000000000"'
    when p_type = 'boolean' then 'true' when p_type = 'number' then '1000' else '["*.md", "*.txt"]' end;
$$;

comment on function ingest.ingest_option_example(text, text) is 'A value that an option could have, as JSON, to show its shape.';
