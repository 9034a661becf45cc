create or replace function ingest.ingest_take_reranks(p_executor text, p_reranker text, p_limit int)
returns table (id bigint, query text, revisions bigint[], ordinals int[], texts text[])
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := ingest.ingest_now();
begin
  perform set_config('synchronous_commit', 'off', true);  -- of a cache; nobody need wait for the disk
  -- Nobody waits for these any more.
  delete from ingest.ingest_rerank_questions q using (
    select o.id from ingest.ingest_rerank_questions o where o.wanted_until < v_now - interval '5 seconds' for update skip locked
  ) late where q.id = late.id;
  return query
  with waiting as (
    select o.id, row_number() over (partition by o.asked_by order by o.id) as turn from ingest.ingest_rerank_questions o
    where o.reranker = p_reranker and o.error is null and o.wanted_until >= v_now and (
      coalesce(o.claimed_until, '-infinity') < v_now
      or not exists (select from ingest.ingest_listeners l
                     where l.executor_id = o.claimed_by and ingest.ingest_seems_alive(l)))
  ), open as (
    select o.id from ingest.ingest_rerank_questions o join waiting w on w.id = o.id
    order by w.turn, o.id limit p_limit for update of o skip locked
  ), claimed as (
    update ingest.ingest_rerank_questions q set claimed_by = p_executor, claimed_until = v_now + interval '2 minutes'
    from open where q.id = open.id
    returning q.*
  )
  -- What the caller could see when it asked, and still can. An empty array if all of it is gone.
  select c.id, c.query, coalesce(found.revisions, '{}'), coalesce(found.ordinals, '{}'), coalesce(found.texts, '{}')
  from claimed c
  left join lateral (
    select array_agg(s.revision_id) as revisions, array_agg(s.ordinal) as ordinals,
           array_agg(left(concat_ws(E'\n', d.title, s.text), 20000)) as texts
    from unnest(c.revisions, c.ordinals) as w (revision_id, ordinal)
    join ingest.ingest_documents d on d.revision_id = w.revision_id and d.collection = c.collection
    join ingest.ingest_collections k on k.name = d.collection
    join ingest.ingest_chunk_store s on s.revision_id = w.revision_id and s.generation = k.generation and s.ordinal = w.ordinal
    where ingest.ingest_role_may(c.asked_by::text, 'search'::text, c.collection)
      and (c.principals is null or d.principals is null or d.principals && c.principals)
  ) found on true;
end
$$;

comment on function ingest.ingest_take_reranks(text, text, int) is
  'Takes questions to a re-ranker, with the texts that their askers may read; those of other listeners that live are passed by, those that nobody '
  'waits for deleted.';
