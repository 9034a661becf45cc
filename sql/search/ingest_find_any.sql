create or replace function ingest.ingest_find_any(p_each ingest.ingest_wanted_v1[]) returns setof ingest.ingest_hit_v2
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  if p_each[1].way = 'vector' then
    return query select * from ingest.ingest_find_by_vector(p_each);
  elsif exists (select from unnest(p_each) e where e.embedding is not null) then
    return query select * from ingest.ingest_find_both(p_each);
  else
    return query select * from ingest.ingest_find_by_words(p_each, p_each[1].k);
  end if;
end
$$;

comment on function ingest.ingest_find_any(ingest.ingest_wanted_v1[]) is
  'A search of collections the way that is asked for: by words alone, too, where no vector is known. Hits without texts and metadata, as of all that it calls.';
