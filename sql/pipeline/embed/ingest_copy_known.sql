create or replace function ingest_copy_known(
  p_requests uuid[], p_batch int, p_owner uuid, p_revisions bigint[], p_ordinals int[], p_starts int[], p_ends int[],
  p_texts text[], p_hashes bytea[], p_metadata jsonb[]
) returns setof int
language plpgsql set search_path from current
as $$
-- Requests share a batch only under the same settings, in one collection: any of them stands for all.
declare
  v_owned uuid[];
  v_collection text;
  v_space int;
  v_text_config regconfig;
begin
  v_owned := ingest_check_writer(p_requests, p_batch, p_owner);
  select r.collection, r.settings ->> 'space_id', r.settings ->> 'text_config' into v_collection, v_space, v_text_config
  from ingest_requests r where r.id = v_owned[1];
  return query
    with written as (
      insert into ingest_chunk_store
        (revision_id, ordinal, space_id, start_char, end_char, text_config, collection, text, hash, metadata, embedding)
      select n.revision, n.ordinal, v_space, n.start_char, n.end_char, v_text_config, v_collection, n.text, n.hash, n.metadata,
             k.embedding
      from unnest(p_revisions, p_ordinals, p_starts, p_ends, p_texts, p_hashes, p_metadata)
        as n (revision, ordinal, start_char, end_char, text, hash, metadata)
      cross join lateral (
        select c.embedding from ingest_chunk_store c where c.hash = n.hash and c.space_id = v_space limit 1) k
      where cardinality(v_owned) = cardinality(p_requests)
        or exists (select from ingest_revisions v where v.id = n.revision and v.request_id = any (v_owned))
      on conflict do nothing
      returning revision_id, ordinal
    )
    select n.place::int from unnest(p_revisions, p_ordinals) with ordinality as n (revision, ordinal, place)
    where not exists (select from written w where (w.revision_id, w.ordinal) = (n.revision, n.ordinal));
end
$$;

comment on function ingest_copy_known(uuid[], int, uuid, bigint[], int[], int[], int[], text[], bytea[], jsonb[]) is
  'Writes chunks whose vectors the space has; returns the places (from 1) of those whose vector is gone by now.';
