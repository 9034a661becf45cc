-- A document's text is written by one step and read by the next two: pglz, the server's default, takes 0.5 ms for 9 KB each
-- time. Chunks hold the text a second time, and vectors take ten times its room, so without LZ4 it stays as it is.
do $$
begin
  alter table ingest.ingest_revisions alter column text set compression lz4;
exception when feature_not_supported then
  alter table ingest.ingest_revisions alter column text set storage external;
end
$$;
