create or replace function ingest.ingest_locate(p_source text) returns text
language plpgsql immutable strict security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_path text := p_source;
begin
  if p_source ~* '^file://(?!localhost/|/)' then
    return null;  -- another host's: whichever listener gets it says so
  elsif p_source ~* '^file:' then
    v_path := regexp_replace(p_source, '^file:(//(localhost)?(?=/))?', '', 'i');
    if v_path ~ '%[0-9a-fA-F]{2}' then
      v_path := (
        select convert_from(string_agg(
                 case when part[1] ~ '^%.' then decode(substr(part[1], 2), 'hex') else convert_to(part[1], 'UTF8') end,
                 '' order by place), 'UTF8')
        from regexp_matches(v_path, '%[0-9a-fA-F]{2}|[^%]+|%', 'g') with ordinality as parts (part, place));
    end if;
  elsif p_source !~ '^/' then
    -- The scheme and the host mean the same in capitals.
    -- (Anything that is not a URL with a path belongs to nobody: whichever listener gets it reports that.)
    return (select lower(url[1]) || url[2]
            from regexp_matches(p_source, '^([A-Za-z][A-Za-z0-9+.-]+:(?=/)(?://[^/?#]*)?)(.*)$') url);
  end if;
  return case when v_path like '/%' then regexp_replace(v_path, '^/+', '/') end;
exception when character_not_in_repertoire or untranslatable_character then
  return regexp_replace(v_path, '%.*$', '');  -- not UTF-8: what comes before is enough to find a listener
end
$$;

comment on function ingest.ingest_locate(text) is
  'Where a source lies, for comparison with the roots of listeners: the path of a local one (an absolute path or a file:// URL), otherwise its URL.';
