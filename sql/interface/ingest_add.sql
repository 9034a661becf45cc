create or replace function ingest.ingest_add(
  source text default null, collection text default 'default', options jsonb default '{}', metadata jsonb default '{}',
  priority int default 0, run_at timestamptz default now(), dedupe_key text default null,
  content text default null, uri text default null, media_type text default null, content_bytes bytea default null
) returns uuid
language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  v_id uuid;
begin
  for v_try in 1 .. 20 loop
    insert into ingest.ingest_requests
      (source, collection, options, metadata, priority, run_at, dedupe_key, content, uri, media_type, content_bytes)
    values (source, collection, options, metadata, priority, run_at, dedupe_key, content, uri, media_type, content_bytes)
    on conflict do nothing
    returning id into v_id;
    if v_id is null then
      select r.id into v_id from ingest.ingest_requests r
      where r.collection = coalesce(ingest_add.collection, 'default') and r.submitted_by = ingest.ingest_caller()::text
        and r.dedupe_key = ingest_add.dedupe_key and r.status in ('pending', 'running');
    end if;
    if v_id is not null then
      return v_id;
    end if;
    -- Otherwise the conflicting one ended in between, or is invisible to everybody.
    exit when nullif(dedupe_key, '') is null;
  end loop;
  raise exception 'the request was not inserted, and no other one with its dedupe key can be seen'
    using errcode = 'IG042', constraint = 'not_inserted',
          hint = 'A trigger or a policy of your own on ingest_requests keeps it out, or hides the one that has its dedupe key.';
end
$$;

comment on function ingest.ingest_add(text, text, jsonb, jsonb, int, timestamptz, text, text, text, text, bytea) is
  'Inserts a request and returns its id; if an unfinished request of the caller''s in the collection has the same dedupe key, the id of '
  'that one. IG042 if it was not inserted and no such request is visible.';
