-- Texts without blanks between words (Chinese, Japanese, Korean, Thai …) are found by pairs of letters from now on: listeners
-- write the words of such chunks anew, page by page. All others they only look at.
update ingest.ingest_backfills
set after_id = 0, upto_id = (select coalesce(max(v.id), 0) from ingest.ingest_revisions v), done_at = null
where name = 'lexemes';
