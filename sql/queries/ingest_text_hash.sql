create or replace function ingest.ingest_text_hash(p_tenant text, p_text text) returns bytea
language sql immutable
return case when p_tenant = '' then sha256(convert_to(p_text, 'UTF8'))
            -- Neither holds a NUL, so no other pair has the same bytes.
            else sha256(convert_to(p_tenant, 'UTF8') || E'\\x00'::bytea || convert_to(p_text, 'UTF8')) end;

comment on function ingest.ingest_text_hash(text, text) is
  'The digest under which a tenant''s text is known: SHA-256 of the text, or of tenant, NUL and text where the tenant has a name.';
