create or replace function ingest.ingest_lock_documents(p_revisions bigint[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- An application's DELETE locks documents in any order. So we never wait for one while we hold others: if one is
-- locked, all are let go and tried again.
declare
  v_pause float8 := 0.002;
  v_until timestamptz := ingest.ingest_now() + interval '0.4 seconds';
begin
  loop
    begin
      perform from ingest.ingest_documents d join ingest.ingest_revisions v on v.collection = d.collection and v.uri = d.uri
      where v.id = any (p_revisions) order by d.collection, d.uri for no key update of d nowait;
      return;
    exception when lock_not_available then
      -- Leaving the block has released the locks. Long-held locks are waited for without a connection.
      if ingest.ingest_now() > v_until then
        raise;
      end if;
    end;
    perform pg_sleep(v_pause * (0.5 + random()));
    v_pause := least(v_pause * 2, 0.2);
  end loop;
end
$$;

comment on function ingest.ingest_lock_documents(bigint[]) is 'Locks the documents of revisions, by (collection, uri), without ever causing a deadlock. 55P03 (try again later) if one stays locked.';
