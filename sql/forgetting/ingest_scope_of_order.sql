create or replace function ingest.ingest_scope_of_order(p_order ingest.ingest_forget_orders) returns ingest.ingest_scope_v1
language sql immutable
return ((p_order).collections, (p_order).uri, (p_order).under, (p_order).asked_at, (p_order).began_at, (p_order).keeps_out,
        (p_order).let_back)::ingest.ingest_scope_v1;

comment on function ingest.ingest_scope_of_order(ingest.ingest_forget_orders) is 'What an order has forgotten after it was given: not what came later.';
