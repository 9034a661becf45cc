-- Where the lines lie that chunks continue, and words of texts as they are searched.
alter table ingest.ingest_revisions add column leads int[];

comment on column ingest.ingest_revisions.leads is
  'For each chunk, where that begins and ends in the text which it continues: the header of a table that was cut, the first line of a '
  'code block. 0 and 0 for a chunk that continues nothing; null if none does.';

-- Queries are composed from now on, and parted from what can't be seen: what was written before is to be found by them.
update ingest.ingest_backfills
set after_id = 0, upto_id = (select coalesce(max(v.id), 0) from ingest.ingest_revisions v), done_at = null
where name = 'lexemes';
