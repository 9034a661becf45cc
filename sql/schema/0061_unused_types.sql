-- No release had them: searches and prompts have returned the next version of each since. A database of ours from between
-- may have a function that still does; there it stays.
do $$
begin
  drop type if exists ingest.ingest_hit_v1;
  drop type if exists ingest.ingest_passage_v1;
  drop type if exists ingest.ingest_piece_v1;
exception when dependent_objects_still_exist then
  null;
end
$$;
