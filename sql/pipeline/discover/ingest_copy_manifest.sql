create or replace function ingest.ingest_copy_manifest(p_request uuid, p_executor text, p_attempt int default null) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- A fork's discovery. Each document starts at the furthest state that the original brought it to before the step.
declare
  v_fork ingest.ingest_requests;
  v_last int;
  v_seen bigint[];
  v_generation int;      -- that of the original: what was made in another one is cut anew
  v_is_there boolean;  -- and not purged
begin
  perform ingest.ingest_check_discoverer(p_request, p_executor, p_attempt);
  select r.* into v_fork from ingest.ingest_requests r where r.id = p_request;
  if not exists (select from ingest.ingest_requests o where o.id = v_fork.forked_from) then
    raise exception 'request %, which this one is a fork of, was deleted', v_fork.forked_from
      using errcode = 'IG024', constraint = 'origin_gone', hint = 'Insert the source as a new request.';
  end if;
  v_last := array_position('{discover,load,chunk,embed,save}', v_fork.fork_step) - 2;
  perform ingest.ingest_check_fork_settings(v_fork);
  insert into ingest.ingest_containers (request_id, container, locator, path, format)
  select p_request, k.container, coalesce(k.locator, k.path), k.path, k.format from ingest.ingest_containers k where k.request_id = v_fork.forked_from;
  select ingest.ingest_generation(o), ingest.ingest_generation(o) = any (ingest.ingest_active_generations(o.collection)) into v_generation, v_is_there
  from ingest.ingest_requests o where o.id = v_fork.forked_from;
  v_seen := ingest.ingest_copy_unchanged(v_fork, v_last);
  with origin as (
    select v as rev, v.position, v.batch from ingest.ingest_revisions v
    where v.request_id = v_fork.forked_from and (v.reason is null or v.reason in ('unchanged', 'superseded', 'dropped'))
    union all
    -- What lies inside of a document that had not changed was found by the request that brought it.
    select part, v.position, v.batch
    from ingest.ingest_revisions v join ingest.ingest_revisions part on part.parent_id = ingest.ingest_same_live(v)
    where v.request_id = v_fork.forked_from and v.reason = 'unchanged'
      and (part.reason is null or part.reason in ('unchanged', 'superseded'))
    union all
    select v, s.position::int - 1, (s.position / 256)::int + 1
    from unnest(v_seen) with ordinality as s (id, position) join ingest.ingest_revisions v on v.id = s.id or v.parent_id = s.id
    where v.reason is null or v.reason in ('unchanged', 'superseded')
  ), copied as (
    insert into ingest.ingest_revisions
      (request_id, position, batch, collection, generation, uri, locator, media_type, bytes, container, range_start, range_hash, line, parent_id, origin_id,
        state, error, warning, read_seq, content_hash, settings_hash, title, text, metadata, pages, starts, ends, headings, leads, loaded_at)
    select p_request, o.position, o.batch, v_fork.collection, ingest.ingest_generation(v_fork), v.uri, coalesce(v.locator, v.path),
           -- A loaded one's is that of its text, not of the bytes that are read again.
           case when reached > 0 then coalesce(s.media_type, v.media_type) when v.loaded_at is null then v.media_type end, v.bytes,
           v.container, v.range_start, v.range_hash, v.line, v.parent_id, s.id,
           case when final then 'failed' else (array['discovered', 'loaded', 'chunked', 'embedded'])[reached + 1] end,
           case when final then v.error end, case when reached > 0 then s.warning end,
           case when reached > 0 then greatest(s.read_seq, d.live_seq) else v_fork.read_seq end,
           case when reached > 0 then s.content_hash end,
           case when reached > 0 then ingest.ingest_settings_hash(v_fork) end,
           case when reached > 0 then s.title end, case when reached > 0 then s.text end,
           case when reached > 0 then s.metadata else '{}' end, case when reached > 0 then s.pages end,
           case when reached > 1 then s.starts end, case when reached > 1 then s.ends end,
           case when reached > 1 then s.headings end, case when reached > 1 then s.leads end, case when reached > 0 then s.loaded_at end
    from origin o
    cross join lateral (select (o.rev).*) v
    left join ingest.ingest_revisions s on s.id = case when v.text is not null then v.id else ingest.ingest_same_live(o.rev) end
    left join ingest.ingest_documents d on d.revision_id = s.id
    left join ingest.ingest_revisions whole on whole.id = v.parent_id
    cross join lateral (
      select o.batch is null or v.error ->> 'code' is not distinct from 'too_many_parts' as final,
             least(v_last, case
               when s.text is null then 0 when coalesce(cardinality(s.starts), 0) = 0 or s.generation <> v_generation then 1
               when s.state not in ('embedded', 'published', 'skipped') or not v_is_there then 2 else 3 end) as reached) r
    -- A whole that is read again brings its parts anew.
    where (v.parent_id is null or (v_last > 0 and (whole.text is not null or ingest.ingest_same_live(whole) is not null)))
      and not ingest.ingest_is_kept_out(v_fork.collection, v.uri)
    returning id, origin_id, state
  ), paid as (  -- what own steps made of it is needed as long as its text
    insert into ingest.ingest_step_results (revision_id, key, result)
    select f.id, k.key, k.result from copied f join ingest.ingest_step_results k on k.revision_id = f.origin_id
    where f.state in ('loaded', 'chunked', 'embedded')
  )
  insert into ingest.ingest_chunk_store
    (revision_id, generation, ordinal, space_id, start_char, end_char, text_config, collection, text, hash, metadata, embedding,
     lexemes)
  select f.id, ingest.ingest_generation(v_fork), c.ordinal, c.space_id, c.start_char, c.end_char, l.config,
         v_fork.collection, c.text, c.hash, c.metadata, c.embedding,
         ingest.ingest_lexemes(l.config, o.title, c.metadata -> 'heading_path',
                               ingest.ingest_words_of(c.metadata, c.text))
  from copied f
  join ingest.ingest_revisions o on o.id = f.origin_id
  join ingest.ingest_chunk_store c on c.revision_id = o.id and c.generation = o.generation
  cross join lateral (
    select ingest.ingest_chunk_config(
      c.metadata, coalesce((v_fork.settings ->> 'by_language')::boolean, false), (v_fork.settings ->> 'text_config')::regconfig) as config offset 0) l
  where f.state = 'embedded';
  perform ingest.ingest_note_configs(v_fork.collection, coalesce((v_fork.settings ->> 'by_language')::boolean, false), array(
    select distinct jsonb_build_object('language', coalesce(c.metadata ->> 'language', c.metadata ->> 'lang'))
    from ingest.ingest_revisions v join ingest.ingest_chunk_store c on c.revision_id = v.id where v.request_id = p_request));
  update ingest.ingest_revisions part set parent_id = whole.id
  from ingest.ingest_revisions whole
  where part.request_id = p_request and part.parent_id is not null
    and whole.request_id = p_request and whole.parent_id is null and whole.position = part.position;
end
$$;

comment on function ingest.ingest_copy_manifest(uuid, text, int) is
  'The discovery of a fork: the original''s documents, with what it had made of them. IG021 lost, IG023 other settings, IG024 no original.';
