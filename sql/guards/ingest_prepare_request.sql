create or replace function ingest.ingest_prepare_request() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Every inserter pays for this: one expression sees that an ordinary row is right, one statement looks into both tables.
-- A row that is not ordinary is completed first: rights are asked of what it means.
-- Runs as the owner, so current_user is the owner here: another caller's rights and limits are looked up.
declare
  v_caller text := coalesce(nullif(current_setting('role'), 'none'), session_user);  -- ingest_caller(), written out
  v_is_ordinary boolean := coalesce(
    new.status = 'pending' and new.due and not new.limited and (new.attempt | new.begun | new.crashes) = 0
    and new.submitted_by = v_caller and new.created_by = v_caller and new.created_at = now() and new.options = '{}'
    and num_nonnulls(new.error, new.executor_id, new.settings, new.started_at, new.discovered_at, new.finished_at,
                     new.deadline_at, new.read_seq, new.locator, new.local_path, new.chunks_total, new.tokens, new.documents_total,
                     new.documents_done, new.documents_skipped, new.documents_failed, new.documents_unchanged, new.documents_found,
                     new.duplicates, new.refused, new.percent, new.resume_at, new.outage, new.listing, new.documents_deleted,
                     new.forked_from, new.fork_step, new.watch, new.plan, new.generation) = 0
    and num_nulls(new.id, new.priority, new.run_at) = 0
    and octet_length(new.collection) between 1 and 48 and new.collection !~ '[[:cntrl:]]' and btrim(new.collection) <> ''
    and case when new.source is null then
               num_nonnulls(new.content, new.content_bytes) = 1 and new.uri is null
               and coalesce(octet_length(new.content), octet_length(new.content_bytes)) <= 1000000
               and (new.media_type is null or octet_length(new.media_type) between 1 and 200)
        else new.source like '/%' and octet_length(new.source) <= 2000
             and num_nonnulls(new.content, new.content_bytes, new.uri, new.media_type) = 0 end
    -- So much has no key that is too long.
    and jsonb_typeof(new.metadata) = 'object' and pg_column_size(new.metadata) <= 1000
    and (new.dedupe_key is null or octet_length(new.dedupe_key) between 1 and 1000), false);
begin
  if not v_is_ordinary then
    new := ingest.ingest_complete_request(new);
    if new.watch is not null then
      v_caller := ingest.ingest_check_fired(new);  -- whose rights and limits count, whoever fires it
    end if;
  end if;
  if v_caller <> current_user::text and not pg_has_role(v_caller::name, current_user, 'usage') then
    perform ingest.ingest_check_submitter(new);
    perform ingest.ingest_check_limits(new);
  end if;
  if not v_is_ordinary then
    perform ingest.ingest_check_request(new);
  end if;
  if exists (select from ingest.ingest_used_ids u where u.id = new.id) then
    raise exception 'request % ran before and was deleted', new.id
      using errcode = 'IG006', constraint = 'id_used_before', hint = 'Let the database generate the id, or use a new one.';
  end if;
  if new.uri is not null and exists (select from ingest.ingest_forgotten) and ingest.ingest_is_kept_out(new.collection, new.uri) then
    raise exception 'document "%" was forgotten in collection "%"', left(new.uri, 200), new.collection
      using errcode = 'IG006', constraint = 'forgotten',
            hint = format('It is kept out, until an operator says otherwise: select ingest_let_back(%L, %L);', new.uri, new.collection);
  end if;
  if new.run_at > ingest.ingest_now() then
    new.due := false;
  end if;
  if new.source is null then
    new.read_seq := nextval('ingest.ingest_read_seq');
  else
    new.locator := case when new.source like '/%' and new.source not like '//%' then new.source else ingest.ingest_locate(new.source) end;
    -- For listeners of the former release: they leave to others what is below no root of theirs.
    new.local_path := new.locator;
  end if;
  return new;
end
$$;

comment on function ingest.ingest_prepare_request() is 'Refuses what SQL can see to be wrong in a new request; fills in the system''s columns.';
