create or replace function ingest.ingest_searchable(p_text text) returns text
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp
as $$
-- The same patterns as in listener/documents/markdown/searchable.py, whose comments say what they are for; a test compares the two.
declare
  v_no_word constant text := E'\\u0001-\\u002f:-@\\u005b-\\u005e`\\u007b-\\u00bf\\u2000-\\u206f\\u3000-\\u303f\\uff00-\\uff0f';
  v_no_words constant text :=
    E'\\u0001-\\u001f!-&(-,./:-@\\u005b-\\u005e`\\u007b-\\u00bf\\u2000-\\u2018\\u201a-\\u206f\\u3000-\\u303f\\uff00-\\uff0f';
  v_word constant text := '[^' || v_no_word || ']';
  v_letter constant text := '[^' || v_no_word || '0-9_]';
  v_ahead constant text := v_word || '(?:[^' || v_no_words || ']*' || v_word || ')?';
  v_said constant text := '(' || v_ahead || ')';
  v_hyphens constant text := '(?:&(?:shy|zwnj|zwj|ZeroWidthSpace|#173|#x[aA][dD]|#8203|#x200[bB]);|<wbr ?/?>)';
  v_tags constant text := '(?:s(?:u[bp]|trong)?|[biu]|em|mark|ins|del)>';
  -- Letters that composing leaves alone, whatever stands beside them: it takes ten times as long as looking for others.
  v_composed constant text :=
    E'\\u0001-\\u02ff\\u0370-\\u0373\\u0375-\\u037d\\u037f-\\u0386\\u0388-\\u0482\\u048a-\\u052f\\u2010-\\u2027\\u2030-\\u205e\\u20a0-\\u20cf'
    || E'\\u2190-\\u2328\\u2500-\\u2adb\\u3001-\\u3029\\u3041-\\u3096\\u309d-\\u30ff\\u4e00-\\u9fff\\uac00-\\ud7a3\\uff01-\\uffef\\U0001f000-\\U0001faff';
begin
  if octet_length(p_text) <> char_length(p_text) and current_setting('server_encoding') = 'UTF8' then
    p_text := regexp_replace(p_text,
      E'[\\u00ad\\u034f\\u061c\\u180e\\u200c-\\u200f\\u202a-\\u202e\\u2060-\\u2064\\u2066-\\u2069\\ufe00-\\ufe0f\\ufeff'
      || E'\\U000e0100-\\U000e01ef]'
      || E'|(?<![\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff])\\u200b', '', 'g');
    p_text := regexp_replace(p_text, E'\\u200b', ' ', 'g');
    if p_text ~ ('[^' || v_composed || ']') then
      p_text := normalize(p_text, nfc);
    end if;
  end if;
  if p_text ~ '[*~^&]|</|<wbr|[$]_' and p_text ~ (
    v_word || E'(?:[*]{1,3}|~{1,2}|\\^)' || v_word || '|' || v_word || '<' || v_tags || v_word || '|' || v_word || '</' || v_tags || v_word
    || '|' || v_word || v_hyphens || v_word || '|' || v_word || '[$][_^]') then
    p_text := regexp_replace(p_text,
      E'(`[^`\\n]+`)'
      || '|(?<!' || v_word || ')(?<![*~])(?:[*]{2,3}|~~)' || v_said || '(?:[*]{2,3}|~~)(?=' || v_word || ')'
      || '|(?<=' || v_letter || ')[*]{2,3}' || v_said || '[*]{2,3}(?!' || v_word || E')(?![*(\\u005b])'
      || '|(?<=' || v_letter || ')[*]{2,3}(' || v_letter || '+)[*]{2,3}(?=' || v_letter || ')'
      || '|(?<!' || v_word || ')(?<![*])[*](' || v_letter || '+)[*](?=' || v_letter || ')'
      || '|(?<=' || v_letter || ')[*](' || v_letter || '+)[*](?!' || v_word || E')(?![*(\\u005b])'
      || '|(?<=' || v_word || ')(?:~{1,2}|[$][_^][{]?)(' || v_word || '+)(?:~{1,2}|[}]?[$])'
      || '|(?<=' || v_word || E')\\^(' || v_word || E'+)\\^(?!' || v_word || ')'
      || '|(?:(?<=' || v_word || ')|(?=<' || v_tags || v_ahead || '</' || v_tags || v_word || '))<' || v_tags || v_said || '</' || v_tags
      || '|(?<=' || v_word || ')' || v_hyphens || '(?=' || v_word || ')',
      E'\\1\\2\\3\\4\\5\\6\\7\\8\\9', 'g');
  end if;
  return p_text;
end
$$;

comment on function ingest.ingest_searchable(text) is
  'A text as it is searched, whether a document''s or a query: composed (NFC), without soft hyphens and zero-width characters, and '
  'without marks of Markdown inside of words.';
