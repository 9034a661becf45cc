create or replace function ingest.ingest_forget_late(p_request ingest.ingest_requests) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- A transaction that reads by an old snapshot may insert what is kept out since, also after the order has ended: nothing can wait for it.
begin
  if p_request.source is not null or p_request.uri is null or not ingest.ingest_is_kept_out(p_request.collection, p_request.uri) then
    return false;
  end if;
  insert into ingest.ingest_forget_orders (collections, uri, keeps_out, asked_by, asked_at)
  values (array[p_request.collection], p_request.uri, true, ingest.ingest_caller(), ingest.ingest_now());
  return true;
end
$$;

comment on function ingest.ingest_forget_late(ingest.ingest_requests) is
  'Orders a request''s own content to be forgotten, if its document is kept out; returns whether it is: then nothing is to be done for it.';
