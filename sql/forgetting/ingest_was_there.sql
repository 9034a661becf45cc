create or replace function ingest.ingest_was_there(p_scope ingest.ingest_scope_v1, p_created_at timestamptz) returns boolean
language sql stable
-- Rows bear the time at which their transaction began. One that follows the order in its own transaction is a new beginning, too.
return (p_scope).asked_at is null
  or p_created_at <= (p_scope).asked_at and ((p_scope).began_at is null or p_created_at <> (p_scope).began_at);

comment on function ingest.ingest_was_there(ingest.ingest_scope_v1, timestamptz) is
  'Whether a row is of a transaction that began before an order was given: what came later is no matter of it.';
