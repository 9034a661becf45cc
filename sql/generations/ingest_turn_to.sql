create or replace function ingest.ingest_turn_to(p_requests uuid[], p_batch int, p_generation int) returns void
language sql security definer set search_path = pg_catalog, pg_temp
as $$
  -- What it leaves is kept beside the row; what it turns back to is taken from there.
  with turned as materialized (
    select v.id, v.generation, v.starts, v.ends, v.headings, v.leads, k.revision_id is not null as is_cut,
           k.starts as new_starts, k.ends as new_ends, k.headings as new_headings, k.leads as new_leads
    from ingest.ingest_revisions v
    left join ingest.ingest_cuts k on k.revision_id = v.id and k.generation = p_generation
    where v.request_id = any (p_requests) and v.batch = p_batch and v.state = 'embedded' and v.generation <> p_generation
      and (k.revision_id is not null or p_generation = any (ingest.ingest_active_generations(v.collection)))
  ), kept as (
    insert into ingest.ingest_cuts (revision_id, generation, starts, ends, headings, leads)
    select t.id, t.generation, t.starts, t.ends, t.headings, t.leads from turned t
    on conflict on constraint ingest_cuts_pkey do update
    set starts = excluded.starts, ends = excluded.ends, headings = excluded.headings, leads = excluded.leads
  ), taken as (
    delete from ingest.ingest_cuts k using turned t where k.revision_id = t.id and k.generation = p_generation
  )
  update ingest.ingest_revisions v
  set generation = p_generation, state = case when t.is_cut then 'embedded' else 'loaded' end,
      starts = t.new_starts, ends = t.new_ends, headings = t.new_headings, leads = t.new_leads
  from turned t where v.id = t.id;
$$;

comment on function ingest.ingest_turn_to(uuid[], int, int) is
  'Turns the rows of a batch''s embedded documents to a generation: to be brought into it, if they do not stand in it yet.';
