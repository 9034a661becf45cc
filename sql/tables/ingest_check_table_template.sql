create or replace function ingest.ingest_check_table_template(p_table ingest.ingest_watched_tables) returns void
language plpgsql immutable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_other text;
begin
  if cardinality(p_table.columns) = 0 then
    raise exception 'no text column of % is given', p_table.named
      using errcode = 'IG060', constraint = 'unknown_column', hint = 'Name them: columns => ''{title,body}''.';
  end if;
  select string_agg(format('{%s}', f.names[1]), ', ') into v_other
  from regexp_matches(p_table.template, E'\\{([^{}]*)\\}', 'g') as f (names) where f.names[1] <> all (p_table.columns);
  if v_other is not null or p_table.template !~ E'\\{[^{}]*\\}' or octet_length(p_table.template) > 4000 then
    raise exception 'the template "%" can''t be used', left(p_table.template, 200)
      using errcode = 'IG060', constraint = 'bad_table_template',
            hint = 'Its fields are names of the columns in columns, like ''{title}: {body}''. At most 4,000 bytes.'
                   || coalesce(' Not known: ' || v_other || '.', '');
  end if;
  if p_table.media_type not in ('text/plain', 'text/markdown', 'text/html') then
    raise exception 'the text of a row can''t be of type %', left(p_table.media_type, 100)
      using errcode = 'IG060', constraint = 'bad_table_template', hint = 'It is text/plain, text/markdown or text/html.';
  end if;
end
$$;

comment on function ingest.ingest_check_table_template(ingest.ingest_watched_tables) is
  'Raises IG060 where a watch''s template has fields that are no columns of its text, or its media type is none that rows can have.';
