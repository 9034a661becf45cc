create or replace function ingest.ingest_metric_kinds() returns table (name text, kind text, label text, known text[], help text)
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  -- The one list of the installation's metrics. Counters are in ingest_counts, without ingest_ and _total.
  values
    ('ingest_requests_total', 'counter', 'status', '{succeeded,partially_succeeded,failed,cancelled}'::text[], 'Requests that ended, by how.'),
    ('ingest_documents_total', 'counter', 'outcome', '{published,skipped,superseded,failed,gone}',
     'Documents that steps were through with, by outcome; those that discovery found unchanged are in none.'),
    ('ingest_chunks_total', 'counter', null, null, 'Chunks stored, with new vectors or known ones.'),
    ('ingest_texts_total', 'counter', null, null, 'Texts sent to embedders.'),
    ('ingest_tokens_total', 'counter', null, null, 'Tokens of these texts, as the embedders counted them.'),
    ('ingest_retries_total', 'counter', null, null, 'Further attempts of batches on which an embedding service failed although it answers.'),
    ('ingest_waits_total', 'counter', null, null, 'Times that work was parked since a service was away.'),
    ('ingest_steps_total', 'counter', 'step', '{discover,load,chunk,embed,save,mirror,plan}', 'Executions of steps that ended, failed ones too.'),
    ('ingest_step_seconds_total', 'counter', 'step', '{discover,load,chunk,embed,save,mirror,plan}',
     'Seconds that these executions took; what waited for a service waited in them.'),
    ('ingest_requests_open', 'gauge', 'state', null,
     'Requests that have not ended: scheduled, pending, running, or parked. Of more than 10000 of a kind, about how many.'),
    ('ingest_requests_waiting', 'gauge', 'reason', null, 'Pending requests that are due, by what they wait for; turn: for nothing but their turn.'),
    ('ingest_queue_age_seconds', 'gauge', null, null, 'For how long the oldest pending request has been due.'),
    ('ingest_listeners', 'gauge', 'state', null, 'Listeners that are alive, and those that died lately.'),
    ('ingest_places', 'gauge', null, null, 'Places for requests at the listeners alive.'),
    ('ingest_places_taken', 'gauge', null, null, 'How many of these places are taken.'),
    ('ingest_circuits', 'gauge', 'state', null, 'Services that are away (open), or are being asked whether they live (suspected), for each tenant.'),
    ('ingest_service_away_seconds', 'gauge', 'service', null, 'For how long a service has been away: of the 50 that have been longest, and the longest of all others.'),
    ('ingest_watches', 'gauge', 'state', null, 'Watches that are fine, failing, or paused.'),
    ('ingest_indexes', 'gauge', 'state', null, 'Collections by the state of their ANN index, see ingest_indexes.'),
    ('ingest_indexes_failing', 'gauge', null, null, 'ANN indexes whose last build or drop failed.'),
    ('ingest_collections', 'gauge', null, null, 'Collections.'),
    ('ingest_live_documents', 'gauge', null, null, 'Live documents, when they were counted last.'),
    ('ingest_live_chunks', 'gauge', null, null, 'Live chunks, when they were counted last.')
$$;

comment on function ingest.ingest_metric_kinds() is
  'The metrics of an installation: name, kind, the one label that it may have, of a counter all of its values, and what it says.';
