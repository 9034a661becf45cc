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
begin
  if new.source is not null then
    v_is_ordinary := new.source like '/%' and new.source not like '//%' and octet_length(new.source) <= 2000
                     and num_nonnulls(new.content, new.content_bytes, new.uri, new.media_type) = 0;
  else
    v_is_ordinary := num_nonnulls(new.content, new.content_bytes) = 1
                     and coalesce(octet_length(new.content), octet_length(new.content_bytes)) <= 1000000
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
    -- An object; and so much has no key that is too long.
    and new.metadata @> '{}' and greatest(pg_column_size(new.metadata), octet_length(new.dedupe_key)) <= 1000
    and new.dedupe_key is distinct from '', false);
  if not v_is_ordinary then
    new := ingest.ingest_complete_request(new);
    if new.watch is not null then
      v_caller := ingest.ingest_check_fired(new);  -- whose rights and limits count, whoever fires it
    end if;
  end if;
  if v_caller <> current_user::text then
    if not pg_has_role(v_caller::name, current_user, 'usage') then
      perform ingest.ingest_check_submitter(new);
      perform ingest.ingest_check_limits(new);
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
  if exists (select from ingest.ingest_used_ids u where u.id = new.id) then
    raise exception 'request % ran before and was deleted', new.id
      using errcode = 'IG006', constraint = 'id_used_before', hint = 'Let the database generate the id, or use a new one.';
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
