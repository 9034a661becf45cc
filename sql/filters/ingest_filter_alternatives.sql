create or replace function ingest.ingest_filter_alternatives(p_operator text, p_filters jsonb, p_path text[]) returns text
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
begin
  if jsonb_typeof(p_filters) <> 'array' or jsonb_array_length(p_filters) = 0
     or exists (select from jsonb_array_elements(p_filters) f where jsonb_typeof(f) <> 'object') then
    perform ingest.ingest_refuse_filter(format('%s has no list of filters', p_operator),
      format('Like: {"%s": [{"lang": "de"}, {"year": {"$gte": 2020}}]}.', p_operator));
  end if;
  return (
    select format('(%s)', string_agg(ingest.ingest_filter_part(f.one, p_path), case p_operator when '$or' then ' or ' else ' and ' end order by f.place))
    from jsonb_array_elements(p_filters) with ordinality as f (one, place));
end
$$;

comment on function ingest.ingest_filter_alternatives(text, jsonb, text[]) is 'Filters of which all ($and) or any ($or) are to hold, as a condition.';
