-- Passages begin at rows, items and sentences: a piece of one knows its text.

-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_pieces(ingest.ingest_hit_v2[], text[], int);

-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_growth(ingest.ingest_piece_v1[], int, int);

-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_choose(ingest.ingest_piece_v1[], text[], int, int, int, int);
