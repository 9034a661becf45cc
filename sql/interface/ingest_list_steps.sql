create or replace function ingest.ingest_list_steps(p_collection text default null)
returns table (collection text, place int, name text, options jsonb, kind text, paid boolean, versions text[], listeners int, listeners_alive int, unknown_options text[])
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_all boolean := ingest.ingest_may('operate'::text, ''::text) or ingest.ingest_may('search'::text, ''::text) or ingest.ingest_may('submit'::text, ''::text);
  v_collections text[] := ingest.ingest_collections_for('operate'::text) || ingest.ingest_collections_for('search'::text) || ingest.ingest_collections_for('submit'::text);
begin
  return query
    with alive as materialized (
      select l.steps from ingest.ingest_listeners l where ingest.ingest_seems_alive(l)
    )
    select c.name, s.place::int, s.one ->> 'name', coalesce(s.one -> 'options', '{}'), h.kind, h.paid, h.versions, h.listeners, (select count(*)::int from alive), h.unknown
    from ingest.ingest_collections c
    cross join lateral jsonb_array_elements(c.steps) with ordinality as s (one, place)
    cross join lateral (
      select min(a.steps -> (s.one ->> 'name') ->> 'place') as kind, bool_or((a.steps -> (s.one ->> 'name') ->> 'paid')::boolean) as paid,
             coalesce(array_agg(distinct a.steps -> (s.one ->> 'name') ->> 'version') filter (where a.steps ? (s.one ->> 'name')), '{}') as versions,
             (count(*) filter (where a.steps ? (s.one ->> 'name')))::int as listeners,
             array(select o.key from jsonb_object_keys(coalesce(s.one -> 'options', '{}')) as o (key) where exists (
               select from alive b where b.steps ? (s.one ->> 'name') and not b.steps -> (s.one ->> 'name') -> 'options' ? o.key) order by o.key) as unknown
      from alive a) h
    where (p_collection is null or c.name = p_collection) and (v_all or c.name = any (v_collections))
    order by c.name, s.place;
end
$$;

comment on function ingest.ingest_list_steps(text) is
  'The own steps that a collection names (null: all that the caller has a right in), in their order: options, kind (document or chunk; null: no running listener has it), how many of the '
  'running listeners have it and in which versions, and options that it does not take (any more).';
