create or replace function ingest.ingest_document_principals(p_options jsonb, p_metadata jsonb) returns text[]
language sql immutable
return case
  when p_options ? 'principals' then array(select jsonb_array_elements_text(p_options -> 'principals'))
  when p_options ? 'principals_field' then array(
    -- Without the field, or with something else in it, a document is for nobody.
    select p.one #>> '{}' from jsonb_path_query(p_metadata -> (p_options ->> 'principals_field'), 'lax $[*]') as p (one)
    where jsonb_typeof(p.one) = 'string')
end;

comment on function ingest.ingest_document_principals(jsonb, jsonb) is
  'Who may find a document, by the options of its request and its own metadata; null: they say nothing.';
