alter table ingest.ingest_listeners add column ocr text;

comment on column ingest.ingest_listeners.ocr is 'Languages that it recognizes scanned pages in; null: it does not.';
