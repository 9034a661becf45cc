create type ingest.ingest_passage_v2 as (
  number int,
  title text,
  heading_path text[],
  page int,
  uri text,
  start_char int,
  end_char int,
  text text,
  continues text,
  score float8,
  by text,
  metadata jsonb,
  revision_id bigint,
  cited text,
  collection text
);

comment on type ingest.ingest_passage_v2 is
  'A stretch of a document''s text for a prompt: characters start_char to end_char, from 0. heading_path, page, score, by and metadata are those of '
  'its best hit. continues: the header of the table, or the first line of the code block, that the text begins within. cited: a line with number, title, '
  'headings and URI, then continues and text.';
