create or replace function ingest.ingest_forget_report(p_order bigint) returns table (what text, removed bigint, remains bigint, note text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  with told as (
    select o.*, ingest.ingest_scope_of_order(o) as scope from ingest.ingest_forget_orders o where o.id = p_order)
  select k.what, coalesce((t.removed ->> k.what)::bigint, 0),
         case k.what when 'documents' then (select count(*) from ingest.ingest_documents_in_scope(t.scope))
                     when 'chunks' then coalesce((t.removed ->> 'shared')::bigint, 0)
                     else 0 end,
         case k.what when 'documents' then 'a listener goes on, or this call again'
                     when 'chunks' then 'texts that other documents hold, too: theirs'
                     when 'errors' then 'of requests that stay: their words are gone' end
  from told t cross join unnest('{documents,revisions,chunks,scores,results,requests,errors,watches,archives,containers,changes,queries}'::text[])
    with ordinality as k (what, place)
  union all
  select 'workflows', null, (select count(*) from ingest.ingest_left_workflows l where l.order_id = t.id), 'DBOS''s rows: a listener has them deleted' from told t
  union all
  select 'statistics', null, (t.done_at is null)::int, format('the planner''s samples: a listener makes them anew; see ingest_forgettings(%s)', t.id) from told t;
$$;

comment on function ingest.ingest_forget_report(bigint) is 'What an order has removed, and what remains to be done.';
