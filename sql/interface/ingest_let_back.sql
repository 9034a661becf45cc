create or replace function ingest.ingest_let_back(p_uri text, p_collection text default 'default') returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_was_out boolean;
begin
  perform ingest.ingest_require('operate'::text, p_collection);
  delete from ingest.ingest_forgotten f
  using ingest.ingest_forgotten_key(p_collection, p_uri) k (key) where f.key = k.key or k.key = any (f.within);
  v_was_out := found;
  -- An order that is still open goes on with what was there, and keeps it out no more.
  update ingest.ingest_forget_orders o
  set let_back = o.let_back || jsonb_build_object(p_collection, coalesce(o.let_back -> p_collection, '[]') - p_uri || to_jsonb(p_uri))
  where o.done_at is null and o.keeps_out and p_collection = any (o.collections) and num_nonnulls(o.uri, o.under) > 0
    and (ingest.ingest_in_scope(ingest.ingest_scope_of_order(o), p_uri) or ingest.ingest_covers(p_uri, o.uri) or p_uri = o.under);
  return v_was_out;
end
$$;

comment on function ingest.ingest_let_back(text, text) is
  'Lets a document that was forgotten be ingested again, with what lies inside of it; or a prefix as it was named to ingest_forget; returns whether '
  'anything was kept out. IG040 not granted.';
