create or replace function ingest.ingest_requests_in_scope(p_scope ingest.ingest_scope_v1, p_among uuid[]) returns table (id uuid)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- What a request brought of its own (a text, an e-mail, records) is one with what became of it: it goes as a whole.
  select r.id from ingest.ingest_requests r
  where r.collection = any ((p_scope).collections)
    and (ingest.ingest_was_there(p_scope, r.created_at)
         or r.source is null and ingest.ingest_is_due(p_scope, r.collection, coalesce(r.uri, r.id::text), r.id, r.created_at))
    and case when num_nonnulls((p_scope).uri, (p_scope).under) = 0 then true
             when r.source is null then r.id = any (p_among) or ingest.ingest_in_scope(p_scope, coalesce(r.uri, r.id::text))
             else ingest.ingest_source_in_scope(p_scope, r.source) end
  order by r.finished_at is not null, r.id;
$$;

comment on function ingest.ingest_requests_in_scope(ingest.ingest_scope_v1, uuid[]) is
  'Requests that are to be forgotten: those that name nothing else, and those with content of their own whose documents (p_among) are.';
