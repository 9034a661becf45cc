create or replace function ingest.ingest_forget_changes(p_scope ingest.ingest_scope_v1) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Keys of rows that were written to watched tables are parts of their documents' URIs.
declare
  v_table ingest.ingest_watched_tables;
  v_deleted bigint;
  v_all bigint := 0;
begin
  for v_table in
    select t.* from ingest.ingest_watched_tables t
    where t.collection = any (p_scope.collections)
      and (p_scope.uri is null or starts_with(p_scope.uri, t.prefix))
      and (p_scope.under is null or starts_with(p_scope.under, t.prefix) or starts_with(t.prefix, p_scope.under))
    order by t.number
  loop
    perform ingest.ingest_take_changes(v_table, 10000);
    delete from ingest.ingest_changed_keys k
    where k.watch = v_table.number and exists (
      select from (
        select v_table.prefix || string_agg(ingest.ingest_percent_encode(p.part), ',' order by p.place) as uri
        from unnest(k.key) with ordinality as p (part, place)) named
      where ingest.ingest_in_scope(p_scope, named.uri)
        -- It says not when: what is written later may come, unless it is kept out.
        and (p_scope.asked_at is null or ingest.ingest_is_kept_out(v_table.collection, named.uri)));
    get diagnostics v_deleted = row_count;
    v_all := v_all + v_deleted;
  end loop;
  return v_all;
end
$$;

comment on function ingest.ingest_forget_changes(ingest.ingest_scope_v1) is 'Deletes keys of watched tables'' rows that are forgotten, before they are read; returns how many.';
