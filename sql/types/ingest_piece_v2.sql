create type ingest.ingest_piece_v2 as (
  document int,
  ordinal int,
  start_char int,
  end_char int,
  rank int,
  headings text[],
  is_last boolean,
  continues text,
  citation int,
  text text
);

comment on type ingest.ingest_piece_v2 is
  'A chunk that may go into a prompt. document: its document''s number; start_char, text: from where a passage may begin with it, at a row, an item or a '
  'sentence; rank: its place among the hits, 0 if it is none; citation: length of the line above a passage whose best hit it is.';
