create or replace function ingest.ingest_save_loaded(p_fence ingest.ingest_fence_v1, p_loaded ingest.ingest_loaded_v2[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Where part has a URI, the row is a document inside of the one with that id: it becomes a revision of its own. A whole
-- comes before its parts. An error beside a text is no failure: it says what of the document the text lacks. Rows are
-- looked up by their place and not joined: before a table has statistics, a join may run through all that is given for
-- each row.
declare
  v_owned uuid[];
  v_ids bigint[] := array(select l.revision from unnest(p_loaded) with ordinality as l order by l.ordinality);
begin
  v_owned := ingest.ingest_check_owner(p_fence, 'chunk'::text);
  with settings as materialized (
    select r.id, ingest.ingest_settings_hash(r) as hash from ingest.ingest_requests r where r.id = any (v_owned))
  update ingest.ingest_revisions v
  set (state, error, warning, read_seq, content_hash, bytes, text, title, media_type, metadata, pages, version, modified_at,
       settings_hash, loaded_at, read_seconds, parse_seconds, failed_at) = (
    select case when (l.one).error is null or (l.one).text is not null then 'loaded' else 'failed' end,
           case when (l.one).text is null then (l.one).error end, case when (l.one).text is not null then (l.one).error end,
           (l.one).read_seq, (l.one).hash, coalesce((l.one).bytes, v.bytes), (l.one).text, (l.one).title,
           coalesce((l.one).media_type, v.media_type), coalesce((l.one).metadata, '{}'), (l.one).pages, coalesce((l.one).version, v.version),
           coalesce((l.one).modified_at, v.modified_at), settings.hash, ingest.ingest_now(), (l.one).read_seconds, (l.one).parse_seconds,
           case when (l.one).text is null and (l.one).error is not null then ingest.ingest_now() end
    from (select p_loaded[array_position(v_ids, v.id)] as one offset 0) l)
  from settings
  where v.request_id = settings.id and v.batch = p_fence.batch and v.state = 'discovered' and v.id = any (v_ids);
  if exists (select from unnest(p_loaded) l where l.part is not null) then
    -- An e-mail's pictures are no failures.
    insert into ingest.ingest_revisions
      (request_id, batch, position, collection, generation, uri, parent_id, state, reason, error, warning, read_seq, content_hash,
       bytes, text, title, media_type, metadata, pages, settings_hash, loaded_at, parse_seconds, failed_at)
    select v.request_id, v.batch, v.position, v.collection, v.generation, l.part, l.revision,
           case when l.error is null or l.text is not null then 'loaded'
                when l.error ->> 'code' = 'unsupported' then 'skipped' else 'failed' end,
           case when l.text is null and l.error ->> 'code' = 'unsupported' then 'unsupported' end,
           case when l.text is null and l.error ->> 'code' <> 'unsupported' then l.error end,
           case when l.text is not null then l.error end, l.read_seq, l.hash, l.bytes, l.text, l.title,
           l.media_type, coalesce(l.metadata, '{}'), l.pages, v.settings_hash, ingest.ingest_now(), l.parse_seconds,
           case when l.text is null and l.error ->> 'code' <> 'unsupported' then ingest.ingest_now() end
    from unnest(p_loaded) with ordinality as l
    cross join lateral (
      select v.request_id, v.batch, v.position, v.collection, v.generation, v.settings_hash from ingest.ingest_revisions v
      where v.id = l.revision and v.request_id = any (v_owned) offset 0) v
    where l.part is not null and not ingest.ingest_is_kept_out(v.collection, l.part)
    order by l.ordinality;
  end if;
  if cardinality(p_fence.requests) = 1 then  -- several small ones are through with the next step at once
    perform ingest.ingest_count_batches(v_owned, p_fence.batch, false);
  end if;
end
$$;

comment on function ingest.ingest_save_loaded(ingest.ingest_fence_v1, ingest.ingest_loaded_v2[]) is
  'discovered → loaded or failed; parts of documents become revisions.';
