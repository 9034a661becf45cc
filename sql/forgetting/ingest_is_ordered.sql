create or replace function ingest.ingest_is_ordered(p_order ingest.ingest_forget_orders, p_scope ingest.ingest_scope_v1) returns boolean
language sql immutable
return (p_order).collections = (p_scope).collections and (p_order).uri is not distinct from (p_scope).uri
  and (p_order).under is not distinct from (p_scope).under;

comment on function ingest.ingest_is_ordered(ingest.ingest_forget_orders, ingest.ingest_scope_v1) is 'Whether an order is of the same as a call.';
