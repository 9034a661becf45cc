create or replace function ingest.ingest_inventory(
  p_collection text default null, p_find text default null, p_after text default null, p_limit int default null
)
returns table (collection text, documents bigint, chunks bigint, bytes bigint, failing bigint, changed_at timestamptz, tenant text,
               embedder text, endpoint text, model text, dimensions int, settings jsonb, created_at timestamptz, index text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
-- Who only submits to a collection sees that it is there and how it is set; who searches counts what is for it.
declare
  v_operate boolean := ingest.ingest_may('operate'::text, ''::text);
  v_search boolean := ingest.ingest_may('search'::text, ''::text);
  v_submit boolean := ingest.ingest_may('submit'::text, ''::text);
  v_operated text[] := ingest.ingest_collections_for('operate'::text);
  v_searched text[] := ingest.ingest_collections_for('search'::text);
  v_submitted text[] := ingest.ingest_collections_for('submit'::text);
  v_principals text[] := ingest.ingest_principals();
begin
  perform ingest.ingest_check_count('p_limit'::text, p_limit);
  perform ingest.ingest_refuse_own_policies();
  return query
    with seen as materialized (
      select k.name, v_operate or k.name = any (v_operated) as operates, v_search or k.name = any (v_searched) as searches
      from ingest.ingest_collections k
      where (p_collection is null or k.name = p_collection) and k.name > coalesce(p_after, '')
        and (p_find is null or position(lower(p_find) in lower(k.name)) > 0 or position(lower(p_find) in lower(k.tenant)) > 0)
        and (v_operate or v_search or v_submit or k.name = any (v_operated || v_searched || v_submitted))
      order by k.name limit p_limit
    ), held as (
      -- One by one: a page of them reads nothing of the others' documents.
      select s.name as collection, h.* from seen s cross join lateral (
        select count(*) as documents, coalesce(sum(d.chunks), 0)::bigint as chunks, coalesce(sum(d.bytes), 0)::bigint as bytes,
               max(d.updated_at) as changed_at
        from ingest.ingest_documents d
        where d.collection = s.name and d.revision_id is not null
          and (s.operates or s.searches and (d.principals is null or d.principals && v_principals))) h
    ), planned as materialized (
      select * from ingest.ingest_plan_indexes() where exists (select from seen s where s.operates)
    )
    select k.name, case when s.operates or s.searches then coalesce(h.documents, 0) end,
           case when s.operates or s.searches then coalesce(h.chunks, 0) end, case when s.operates or s.searches then coalesce(h.bytes, 0) end,
           case when s.operates then (select count(*) from ingest.ingest_failing(k.name, ''::text, null::text, null::int)) end,
           h.changed_at, k.tenant, p.embedder, p.endpoint, p.model, p.dimensions,
           jsonb_build_object('chunk_size', k.chunk_size, 'chunk_overlap', k.chunk_overlap, 'embedding_template', k.embedding_template,
                              'passage_prefix', k.passage_prefix, 'query_prefix', k.query_prefix, 'text_config', case when k.by_language then 'auto' else k.text_config::text end,
                              'max_running', k.max_running, 'weight', k.weight, 'monthly_texts', k.monthly_texts, 'monthly_cost', k.monthly_cost, 'steps', k.steps, 'indexed', k.indexed, 'index_from', k.index_from,
                              'index_m', k.index_m, 'index_ef_construction', k.index_ef_construction, 'index_ef_search', k.index_ef_search),
           k.created_at, case when s.operates then i.state || coalesce(' ' || i.percent || ' %', '') end
    from ingest.ingest_collections k join seen s on s.name = k.name left join held h on h.collection = k.name
    left join ingest.ingest_spaces p on p.id = k.space_id
    left join planned i on i.collection = k.name and i.generation = k.generation
    order by k.name;
end
$$;

comment on function ingest.ingest_inventory(text, text, text, int) is
  'A row for each collection that the caller has a right in: what it holds, how many documents'' last attempt failed, when one changed last, its '
  'space and settings, and how its vectors are searched (ingest_indexes). Null: not visible to the caller. p_find: what its name or tenant contains; '
  'p_after, p_limit: the first ones by name behind that one.';
