-- Own steps: plans count what paid ones would be given.

alter table ingest.ingest_planned_texts add column step text;

comment on column ingest.ingest_planned_texts.step is 'The paid own step that would be given it. Null: the embedder.';

-- Functions that others take the place of.
-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_save_results(ingest.ingest_fence_v1, text, text, bigint[], bytea[], jsonb[], bigint, bigint);
-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_steps_not_counted(ingest.ingest_requests);
-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_drop_documents(ingest.ingest_fence_v1, ingest.ingest_dropped_v1[]);
-- squawk-ignore ban-drop-type
drop type if exists ingest.ingest_dropped_v1;
