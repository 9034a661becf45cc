create type ingest.ingest_piece_v1 as (
  document int,
  ordinal int,
  start_char int,
  end_char int,
  rank int,
  headings text[],
  is_last boolean,
  lead int,
  citation int
);

comment on type ingest.ingest_piece_v1 is
  'A chunk that may go into a prompt. document: its document''s number; rank: its place among the hits, 0 if it is none; lead: characters of what it '
  'continues; citation: of the line above a passage whose best hit it is.';
