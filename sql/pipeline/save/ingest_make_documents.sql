create or replace function ingest.ingest_make_documents(p_revisions bigint[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '50ms'
as $$
-- Like ingest_lock_documents. An INSERT waits for others that insert or delete the same document, hence the timeout; it
-- is in the block, so that nothing is held while the block is tried again.
declare
  v_pause float8 := 0.002;
  v_until timestamptz := ingest.ingest_now() + interval '0.4 seconds';
begin
  loop
    begin
      insert into ingest.ingest_documents (collection, uri)
      select v.collection, v.uri from ingest.ingest_revisions v
      where v.id = any (p_revisions) and v.state not in ('published', 'skipped', 'failed')
        and not exists (select from ingest.ingest_documents d where d.collection = v.collection and d.uri = v.uri)
      order by v.collection, v.uri on conflict do nothing;
      perform from ingest.ingest_documents d join ingest.ingest_revisions v on v.collection = d.collection and v.uri = d.uri
      where v.id = any (p_revisions) order by d.collection, d.uri for no key update of d nowait;
      return;
    exception when lock_not_available or deadlock_detected then
      if ingest.ingest_now() > v_until then
        raise;
      end if;
    end;
    perform pg_sleep(v_pause * (0.5 + random()));
    v_pause := least(v_pause * 2, 0.2);
  end loop;
end
$$;

comment on function ingest.ingest_make_documents(bigint[]) is
  'Locks the documents of revisions that are to be published, and makes those that are missing, without ever causing a deadlock. 55P03 (try again later) if one stays locked.';
