create or replace function ingest.ingest_check_uri(p_uri text) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
-- Documents are found again by their URI, so content under the URI of a file would take its document's place.
declare
  v_known text[] := '{file,http,https,ftp,ftps,sftp,s3,s3a,gs,gcs,az,azure,abfs,abfss,wasb,wasbs,hdfs,webdav,smb,git,ssh,imap,'
                    'mailto,postgres,postgresql,table}';
  v_scheme text := lower(substring(p_uri from '^([A-Za-z][A-Za-z0-9+.-]*):'));
begin
  if p_uri !~ '^(/|[A-Za-z][A-Za-z0-9+.-]*:/)'
     and (v_scheme is null
          or v_scheme <> all (v_known)
             and not exists (select from ingest.ingest_listeners l cross join unnest(l.roots) as root (name)
                             where starts_with(lower(root.name), v_scheme || ':'))) then
    return;
  end if;
  raise exception 'uri "%" has the form that sources give their documents', left(p_uri, 200)
    using errcode = 'IG009', constraint = 'reserved_uri',
          hint = 'Name inline content without a scheme and without a leading slash, like notes/frost.md; or submit the source itself.';
end
$$;

comment on function ingest.ingest_check_uri(text) is
  'Raises IG009 for a name of inline content that a source could give: an absolute path, or a URL of a known scheme or with a path.';
