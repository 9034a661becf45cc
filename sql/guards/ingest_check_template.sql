create or replace function ingest.ingest_check_template(p_template text) returns void
language plpgsql immutable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if regexp_count(p_template, E'\\{text\\}') <> 1
     or exists (select from regexp_matches(p_template, E'\\{(\\w*)\\}', 'g') as fields (names)
                where fields.names[1] not in ('title', 'heading_path', 'text')) then
    raise exception 'the embedding template "%" can''t be used', left(p_template, 200)
      using errcode = 'IG012', constraint = 'bad_template',
            hint = 'It needs {text} exactly once, and may have {title} and {heading_path}.';
  end if;
end
$$;

comment on function ingest.ingest_check_template(text) is 'Raises IG012 where a collection''s embedding template has unknown fields, or not {text} once.';
