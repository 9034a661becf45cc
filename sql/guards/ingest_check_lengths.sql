create or replace function ingest.ingest_check_lengths(p_request ingest.ingest_requests) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
-- octet_length of a large value reads none of it.
declare
  v_name text;
  v_length bigint;
  v_most bigint;
begin
  select l.name, l.length, l.most into v_name, v_length, v_most
  from (values ('source', octet_length(p_request.source), 8000), ('media_type', octet_length(p_request.media_type), 200),
               ('dedupe_key', octet_length(p_request.dedupe_key), 1000),
               ('options', pg_column_size(p_request.options), 500000),
               ('metadata', pg_column_size(p_request.metadata), 1000000)) as l (name, length, most)
  where l.length > l.most limit 1;
  if found then
    raise exception '% of request % has % bytes', v_name, p_request.id, v_length
      using errcode = 'IG009', constraint = 'value_too_long', hint = format('Give at most %s bytes.', v_most);
  end if;
  if pg_column_size(p_request.metadata) > 1000 then
    select left(k.key, 100), octet_length(k.key) into v_name, v_length from jsonb_object_keys(p_request.metadata) as k (key)
    where octet_length(k.key) > 1000 limit 1;
    if found then
      raise exception 'metadata of request % has a key of % bytes: "%…"', p_request.id, v_length, v_name
        using errcode = 'IG009', constraint = 'value_too_long', hint = 'Give keys of at most 1000 bytes.';
    end if;
  end if;
  v_length := coalesce(octet_length(p_request.content), octet_length(p_request.content_bytes));
  v_most := (select l.max_document_bytes from ingest.ingest_limits l where l.role = '');
  if v_length > v_most then
    raise exception 'the content of request % has % bytes, and no listener accepts more than %', p_request.id, v_length, v_most
      using errcode = 'IG009', constraint = 'content_too_large',
            hint = 'Raise INGEST_MAX_DOCUMENT_BYTES of the listeners, or split the document.';
  end if;
end
$$;

comment on function ingest.ingest_check_lengths(ingest.ingest_requests) is
  'Raises IG009 where a value of a request is longer than it may be, or its content larger than any listener takes.';
