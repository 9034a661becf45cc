create or replace function ingest.ingest_check_granted(p_right text, p_collection text) returns void
language plpgsql immutable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if octet_length(p_collection) not between 1 and 48 or p_collection ~ '[[:cntrl:]]' then
    raise exception 'no collection can be named "%"', left(p_collection, 100)
      using errcode = 'IG016', constraint = 'wrong_collection_name',
            hint = 'Leave the collection out (null) for all of them; a name has 1 to 48 bytes and no control characters.';
  elsif p_right = 'listen' and p_collection is not null then
    raise exception 'a listener works for all collections, not for "%" alone', p_collection
      using errcode = 'IG041', constraint = 'unknown_right', hint = 'Leave the collection out.';
  end if;
end
$$;

comment on function ingest.ingest_check_granted(text, text) is 'Raises IG016 or IG041 for a collection that a right can''t be granted in.';
