create or replace function ingest.ingest_prepare_request() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Every inserter pays for this: two expressions see that an ordinary row is right, one statement looks for its id. What counts is how
-- many operators and functions an expression names, since each is set up anew in each transaction, reached or not (decision 0048).
-- A row that is not ordinary is completed first: rights are asked of what it means.
-- Runs as the owner, so current_user is the owner here: another caller's rights and limits are looked up.
declare
  v_caller text := coalesce(nullif(current_setting('role'), 'none'), session_user);  -- ingest_caller(), written out
  v_is_ordinary boolean;
  v_bytes bigint := 0;
  -- Rows of this session, by the server's own count: never too few; those of its last transactions may be in it still.
  v_inserted bigint;
  v_is_counted boolean;
  v_is_known boolean := false;  -- that it is within the limits, and its id was never used
begin
  if new.source is not null then
    v_is_ordinary := new.source like '/%' and new.source not like '//%' and octet_length(new.source) <= 2000
                     and num_nonnulls(new.content, new.content_bytes, new.uri, new.media_type) = 0;
  else
    v_bytes := coalesce(octet_length(new.content), octet_length(new.content_bytes));
    v_is_ordinary := num_nonnulls(new.content, new.content_bytes) = 1 and v_bytes <= 1000000
                     and new.uri is distinct from '' and new.media_type is distinct from ''
                     and coalesce(greatest(octet_length(new.uri), 10 * octet_length(new.media_type)) <= 2000, true);
  end if;
  v_is_ordinary := coalesce(
    v_is_ordinary and new.status = 'pending' and new.due and not new.limited
    and new.submitted_by = v_caller and new.created_by = v_caller and new.created_at = now() and new.options = '{}'
    and 0 = all (array[new.attempt, new.begun, new.crashes,
      num_nonnulls(new.error, new.executor_id, new.settings, new.started_at, new.discovered_at, new.finished_at,
                   new.deadline_at, new.read_seq, new.locator, new.local_path, new.chunks_total, new.tokens, new.documents_total,
                   new.documents_done, new.documents_skipped, new.documents_failed, new.documents_unchanged, new.documents_found,
                   new.duplicates, new.refused, new.percent, new.resume_at, new.outage, new.listing, new.documents_deleted,
                   new.forked_from, new.fork_step, new.watch, new.plan, new.generation)])
    and new.id is not null and new.priority is not null and new.run_at is not null
    and new.collection ~ '^[^[:cntrl:][:space:]][^[:cntrl:]]*$' and octet_length(new.collection) <= 48
    -- An object; and so much has no key that is too long, and isn't counted among its bytes (ingest_request_bytes).
    and new.metadata @> '{}' and greatest(pg_column_size(new.metadata), octet_length(new.dedupe_key)) <= 990
    and new.dedupe_key is distinct from '', false);
  if not v_is_ordinary then
    new := ingest.ingest_complete_request(new);
    if new.watch is not null then
      v_caller := ingest.ingest_check_fired(new);  -- whose rights and limits count, whoever fires it
    end if;
  end if;
  if v_caller <> current_user::text then
    if not pg_has_role(v_caller::name, current_user, 'usage') then
      -- Its own grant for an ordinary row, which all but few have. (A name with a scheme, or a path, may be a source's.)
      if not v_is_ordinary or new.uri ~ '^/|:' or not exists (
           select from ingest.ingest_collection_grants g
           where g.role = v_caller::name and g.may = 'submit' and g.collection in ('', new.collection)) then
        perform ingest.ingest_check_submitter(new);
      end if;
      if not v_is_ordinary then
        v_bytes := ingest.ingest_request_bytes(new);
      end if;
      -- What a transaction inserts is counted now and then, each 1,000 rows at least.
      v_inserted := pg_stat_get_xact_tuples_inserted('ingest.ingest_requests'::regclass);
      if v_inserted < 10 then
        v_is_counted := current_setting('track_counts') <> 'on';
      else
        v_is_counted := v_inserted % case when v_inserted < 100 then 10 when v_inserted < 1000 then 100
                                          when v_inserted < 10000 then 500 else 1000 end = 0;
      end if;
      if not v_is_counted then
        v_is_known := exists (
            select from (
              select l.max_pending, l.max_pending_bytes, l.min_priority from ingest.ingest_limits l
              where l.role in (v_caller::name, '') order by l.role desc limit 1) l
            left join lateral (
              select p.until, p.most, p.most_bytes, p.pending from ingest.ingest_pending_counts p
              where p.role = v_caller::name order by p.counted_at desc limit 1) k on true
            where (new.priority < l.min_priority) is not true
              and (ingest.ingest_now() < k.until
                   and k.most is not distinct from l.max_pending and k.most_bytes is not distinct from l.max_pending_bytes
                   and (k.pending + v_inserted < k.most) is not false and (v_bytes <= k.most_bytes / 10000) is not false
                   or num_nonnulls(l.max_pending, l.max_pending_bytes) = 0))
          and exists (select from ingest.ingest_collections c where c.name = new.collection)
          and not exists (select from ingest.ingest_used_ids u where u.id = new.id);
      end if;
      if not v_is_known then
        perform ingest.ingest_check_limits(new, v_caller::name, v_inserted, v_bytes, v_is_counted);
      end if;
    end if;
  end if;
  if not v_is_ordinary then
    perform ingest.ingest_check_request(new);
    new.locator := ingest.ingest_locate(new.source);
  else
    new.locator := new.source;
  end if;
  -- For listeners of the former release: they leave to others what is below no root of theirs.
  new.local_path := new.locator;
  new.due := new.run_at <= ingest.ingest_now();
  if not v_is_known then
    if exists (select from ingest.ingest_used_ids u where u.id = new.id) then
      raise exception 'request % ran before and was deleted', new.id
        using errcode = 'IG006', constraint = 'id_used_before', hint = 'Let the database generate the id, or use a new one.';
    end if;
  end if;
  if new.source is null then
    if new.uri is not null and exists (select from ingest.ingest_forgotten) and ingest.ingest_is_kept_out(new.collection, new.uri) then
      raise exception 'document "%" was forgotten in collection "%"', left(new.uri, 200), new.collection
        using errcode = 'IG006', constraint = 'forgotten',
              hint = format('It is kept out, until an operator says otherwise: select ingest_let_back(%L, %L);', new.uri, new.collection);
    end if;
    new.read_seq := nextval('ingest.ingest_read_seq');
  end if;
  -- As ingest_ring says. Not by a trigger of its own, which would cost more than all of this function's assignments.
  if current_setting('ingest.silent', true) is distinct from 'on'
     and not pg_try_advisory_xact_lock_shared(hashtextextended('ingest:{schema}:idle'::text, 0::bigint)) then
    perform pg_notify(ingest.ingest_channel('doorbell'::text), '');
  end if;
  return new;
end
$$;

comment on function ingest.ingest_prepare_request() is
  'Refuses what SQL can see to be wrong in a new request; fills in the system''s columns; wakes a sleeping listener.';
