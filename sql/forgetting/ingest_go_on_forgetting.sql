create or replace function ingest.ingest_go_on_forgetting(p_limit int) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- A statement that was under way when the order was given may bring something in later, unseen. So it is looked once more, when
-- all transactions have ended that are older than the first look.
declare
  v_order ingest.ingest_forget_orders;
begin
  select o.* into v_order from ingest.ingest_forget_orders o where o.done_at is null and o.swept_at is null
  order by o.looked_in is not null, o.id limit 1 for no key update skip locked;
  if not found then
    return case when exists (select from ingest.ingest_forget_orders o where o.done_at is null) then 'swept' else 'nothing' end;
  end if;
  if v_order.looked_in is not null and v_order.looked_in > pg_snapshot_xmin(pg_current_snapshot())
     and v_order.looked_in <= pg_current_xact_id() then  -- else it is of a database that was restored
    return 'waits';
  end if;
  if ingest.ingest_forget_page(v_order.id, p_limit, false) then
    return 'more';
  end if;
  if v_order.looked_in is null then
    update ingest.ingest_forget_orders o set looked_in = pg_current_xact_id() where o.id = v_order.id;
    return 'waits';
  end if;
  update ingest.ingest_forget_orders o set swept_at = ingest.ingest_now() where o.id = v_order.id;
  return 'more';
end
$$;

comment on function ingest.ingest_go_on_forgetting(int) is
  'Forgets a page of what was ordered. more: call again; waits: later; swept: DBOS''s rows and statistics are left; nothing: no order is open.';
