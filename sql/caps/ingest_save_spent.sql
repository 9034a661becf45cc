create or replace function ingest.ingest_save_spent(
  p_fence ingest.ingest_fence_v1, p_chunks ingest.ingest_chunk_v1[], p_counts ingest.ingest_count_v1[], p_reservation bigint
) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- What is stored is counted, whatever dies: in one transaction. The batch is locked first, the caps last and shortly. A repeat,
-- after the answer was lost, finds no reservation, and counts nothing twice.
begin
  perform ingest.ingest_check_owner(p_fence, 'embed'::text);
  perform ingest.ingest_save_chunks(p_fence, p_chunks);
  delete from ingest.ingest_reservations v where v.id = p_reservation and v.owner = p_fence.owner;
  if found then
    perform ingest.ingest_note_embedded(p_fence, p_counts);
  end if;
end
$$;

comment on function ingest.ingest_save_spent(ingest.ingest_fence_v1, ingest.ingest_chunk_v1[], ingest.ingest_count_v1[], bigint) is
  'ingest_save_chunks and ingest_note_embedded together, of texts that were reserved: they are used now.';
