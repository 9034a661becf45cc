create or replace function ingest.ingest_fill_lexemes(p_chunks int default 200) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Chunks of the former release are found by the words of their texts only. A page is some chunks along the key, and the
-- rest of the last one's document.
declare
  v_fill ingest.ingest_backfills;
  v_last bigint;
begin
  select b.* into v_fill from ingest.ingest_backfills b where b.name = 'lexemes' and b.done_at is null for update skip locked;
  if not found then
    return case when exists (select from ingest.ingest_backfills b where b.name = 'lexemes' and b.done_at is null) then false end;
  end if;
  select max(page.revision_id) into v_last from (
    select c.revision_id from ingest.ingest_chunk_store c
    where c.revision_id > v_fill.after_id and c.revision_id <= v_fill.upto_id
    order by c.revision_id limit p_chunks) page;
  update ingest.ingest_chunk_store c
  set lexemes = ingest.ingest_lexemes(c.text_config, v.title, c.metadata -> 'heading_path', ''::text) || c.lexemes
  from ingest.ingest_revisions v
  where v.id = c.revision_id and v.replaced_at is null and c.revision_id > v_fill.after_id and c.revision_id <= v_last
    and (v.title is not null or c.metadata -> 'heading_path' <> '[]')
    and ts_filter(c.lexemes, '{a,b}') = '';  -- what was written since has them
  update ingest.ingest_backfills b
  set after_id = coalesce(v_last, b.after_id), done_at = case when v_last is null then ingest.ingest_now() end
  where b.name = 'lexemes';
  return v_last is not null;
end
$$;

comment on function ingest.ingest_fill_lexemes(int) is
  'Adds titles and headings to the words of some chunks that a former release wrote. True: there may be more; false: not for this caller now; null: all are done.';
