create or replace function ingest.ingest_heading_path(p_metadata jsonb) returns text[]
language sql immutable
return case when jsonb_typeof(p_metadata -> 'heading_path') = 'array'
  then array(select h.one from jsonb_array_elements_text(p_metadata -> 'heading_path') with ordinality as h (one, place) where h.one is not null order by h.place)
  else '{}' end;

comment on function ingest.ingest_heading_path(jsonb) is 'The headings above a chunk, outermost first, from its metadata.';
