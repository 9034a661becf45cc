create or replace function ingest.ingest_check_source(p_request ingest.ingest_requests) returns void
language plpgsql immutable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  case num_nonnulls(p_request.source, p_request.content, p_request.content_bytes)
    when 1 then null;
    when 0 then
      raise exception 'request % has neither a source nor content', p_request.id
        using errcode = 'IG001', constraint = 'nothing_to_ingest', hint = 'Set source, content or content_bytes.';
    else
      raise exception 'request % has more than one of source, content and content_bytes', p_request.id
        using errcode = 'IG002', constraint = 'two_things_to_ingest', hint = 'Set one of them; insert another row for the other.';
  end case;
  if p_request.source is not null and (p_request.uri is not null or p_request.media_type is not null) then
    raise exception 'request % has a source, and uri or media_type', p_request.id
      using errcode = 'IG002', constraint = 'two_things_to_ingest',
            hint = 'uri and media_type name inline content; a source names its documents itself.';
  end if;
  if p_request.source !~ '^(/|[A-Za-z][A-Za-z0-9+.-]*:)' then
    raise exception 'source "%" is a relative path', left(p_request.source, 200)
      using errcode = 'IG008', constraint = 'relative_path', hint = 'Give an absolute path, or a URL like file:///srv/docs.';
  end if;
  if p_request.source ~ '^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*@' then
    raise exception 'the source has a user, or a password, in it'
      using errcode = 'IG008', constraint = 'credentials_in_source',
            hint = 'Everybody who sees the request would see them. Set credentials for the listener instead: see the page on that kind of source.';
  end if;
  if octet_length(p_request.collection) not between 1 and 48 or p_request.collection ~ '[[:cntrl:]]'
     or btrim(p_request.collection) = '' then
    raise exception 'request % names a collection "%"', p_request.id, left(p_request.collection, 100)
      using errcode = 'IG016', constraint = 'wrong_collection_name',
            hint = 'A collection''s name has 1 to 48 bytes, not only spaces, and no control characters.';
  end if;
  if octet_length(p_request.uri) > 2000 then
    raise exception 'request % has a uri of % bytes', p_request.id, octet_length(p_request.uri)
      using errcode = 'IG009', constraint = 'uri_too_long', hint = 'Give at most 2000 bytes.';
  end if;
end
$$;

comment on function ingest.ingest_check_source(ingest.ingest_requests) is 'Raises IG001, IG002, IG008, IG009 or IG016 where a request does not say what to ingest, or into what.';
