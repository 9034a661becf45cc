create or replace function ingest.ingest_fill_lexemes(p_chunks int default 200) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Chunks of the former release are found by the words of their texts only, and by these as they are written, not as they
-- are searched; where no blanks part words, by whole runs of letters. A page is some chunks along the key, and the rest of the last one's document.
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
  set lexemes = found.lexemes
  from (
    select o.revision_id, o.generation, o.ordinal, o.lexemes as had,
           case when (v.title is not null or o.metadata -> 'heading_path' <> '[]') and ts_filter(o.lexemes, '{a,b}') = ''
                  or ingest.ingest_searchable(said.all) <> said.all or ingest.ingest_grams(said.all, false) <> said.all
                then ingest.ingest_lexemes(o.text_config, v.title, o.metadata -> 'heading_path',
                                           ingest.ingest_words_of(o.metadata, o.text)) end as lexemes
    from ingest.ingest_chunk_store o
    join ingest.ingest_revisions v on v.id = o.revision_id
    cross join lateral (
      select concat_ws(' ', v.title, o.metadata ->> 'heading_path', o.metadata ->> 'continues', o.text) as all) said
    where v.replaced_at is null and o.revision_id > v_fill.after_id and o.revision_id <= v_last offset 0) found
  where (c.revision_id, c.generation, c.ordinal) = (found.revision_id, found.generation, found.ordinal)
    and c.revision_id > v_fill.after_id and c.revision_id <= v_last  -- whatever the planner expects, no more is read
    and found.lexemes <> found.had;  -- what was written since has them
  update ingest.ingest_backfills b
  set after_id = coalesce(v_last, b.after_id), done_at = case when v_last is null then ingest.ingest_now() end
  where b.name = 'lexemes';
  return v_last is not null;
end
$$;

comment on function ingest.ingest_fill_lexemes(int) is
  'Puts the words of some chunks right that a former release wrote: with titles and headings, and of texts as they are searched. True: there may be more; false: not for this caller now; null: all are done.';
