create or replace function ingest.ingest_forget(
  uri text default null, under text default null, collection text default null, tenant text default null, keep_out boolean default true,
  page int default 1000
) returns table (what text, removed bigint, remains bigint, note text, order_id bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_scope ingest.ingest_scope_v1 := ingest.ingest_scope_of(ingest_forget.uri, ingest_forget.under, ingest_forget.collection, ingest_forget.tenant);
  v_keeps_out boolean := coalesce(ingest_forget.keep_out, true);
  v_order bigint;
  v_is_all boolean;
begin
  perform ingest.ingest_check_count('page'::text, ingest_forget.page);
  perform ingest.ingest_check_known(v_scope);
  -- Again, it means what has come since as well. What another call keeps out stays out, save what was let back since.
  update ingest.ingest_forget_orders o
  set asked_at = ingest.ingest_now(), began_at = null, looked_in = null, swept_at = null,
      keeps_out = v_keeps_out or o.keeps_out, let_back = case when v_keeps_out then '{}' else o.let_back end
  where o.done_at is null and ingest.ingest_is_ordered(o, v_scope)
  returning o.id into v_order;
  if v_order is null then
    insert into ingest.ingest_forget_orders (collections, uri, under, keeps_out, asked_by, asked_at)
    values (v_scope.collections, v_scope.uri, v_scope.under, v_keeps_out, ingest.ingest_caller(), ingest.ingest_now())
    returning id into v_order;
  end if;
  v_is_all := not ingest.ingest_forget_page(v_order, coalesce(ingest_forget.page, 1000), true);
  update ingest.ingest_forget_orders o set asked_at = ingest.ingest_now(), began_at = case when v_is_all then now() end where o.id = v_order;
  return query select r.*, v_order from ingest.ingest_forget_report(v_order) r;
end
$$;

comment on function ingest.ingest_forget(text, text, text, text, boolean, int) is
  'Forgets a document (uri), what is under a prefix, or everything in a collection or a tenant''s collections: texts, chunks, revisions, requests, caches. '
  'Removes a page at once and says how much and what remains; a listener goes on with the rest, the same call again does, too: see ingest_forgettings(order_id). IG014 unknown, '
  'IG035 not clear what, IG040 not granted.';
