create or replace function ingest_copy_known(
  p_requests uuid[], p_batch int, p_owner uuid, p_revisions bigint[], p_ordinals int[], p_starts int[], p_ends int[],
  p_texts text[], p_hashes bytea[], p_metadata jsonb[]
) returns setof int
language plpgsql set search_path from current
as $$
declare
  v_owned uuid[];
begin
  v_owned := ingest_check_writer(p_requests, p_batch, p_owner);
  return query
    with written as (
      insert into ingest_chunk_store
        (revision_id, ordinal, space_id, start_char, end_char, text_config, collection, text, hash, metadata, embedding)
      select n.revision, n.ordinal, (r.settings ->> 'space_id')::int, n.start_char, n.end_char,
             (r.settings ->> 'text_config')::regconfig, r.collection, n.text, n.hash, n.metadata, k.embedding
      from unnest(p_revisions, p_ordinals, p_starts, p_ends, p_texts, p_hashes, p_metadata)
        as n (revision, ordinal, start_char, end_char, text, hash, metadata)
      join ingest_revisions v on v.id = n.revision
      join ingest_requests r on r.id = v.request_id and r.id = any (v_owned)
      cross join lateral (
        select c.embedding from ingest_chunk_store c
        where c.hash = n.hash and c.space_id = (r.settings ->> 'space_id')::int limit 1) k
      on conflict do nothing
      returning revision_id, ordinal
    )
    select n.place::int from unnest(p_revisions, p_ordinals) with ordinality as n (revision, ordinal, place)
    where not exists (select from written w where (w.revision_id, w.ordinal) = (n.revision, n.ordinal));
end
$$;

comment on function ingest_copy_known(uuid[], int, uuid, bigint[], int[], int[], int[], text[], bytea[], jsonb[]) is
  'Writes chunks whose vectors the space has; returns the places (from 1) of those whose vector is gone by now.';
