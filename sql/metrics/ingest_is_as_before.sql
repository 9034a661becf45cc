create or replace function ingest.ingest_is_as_before(p_this ingest.ingest_history, p_before ingest.ingest_history) returns boolean
language sql immutable
return (p_this.pending, p_this.scheduled, p_this.running, p_this.documents, p_this.failures, p_this.chunks, p_this.texts, p_this.tokens, p_this.parked)
  = (p_before.pending, p_before.scheduled, p_before.running, p_before.documents, p_before.failures, p_before.chunks, p_before.texts, p_before.tokens, p_before.parked);

comment on function ingest.ingest_is_as_before(ingest.ingest_history, ingest.ingest_history) is
  'Whether two notes of how it goes differ in their time alone.';
