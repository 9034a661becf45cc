create or replace function ingest.ingest_note_history(p_every interval) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- While nothing changes, the last row's time goes on, so that an idle installation adds none.
declare
  v_now timestamptz := ingest.ingest_now();
  v_last ingest.ingest_history[];
  v_this ingest.ingest_history;
  v_open record;
begin
  if exists (select from ingest.ingest_history h where h.at > v_now - p_every) then
    return false;
  end if;
  -- Of two listeners at one moment one writes; the other need not wait for it.
  if not pg_try_advisory_xact_lock(ingest.ingest_lock_key('history'::text)) then
    return false;
  end if;
  v_last := array(select h from ingest.ingest_history h order by h.at desc limit 2);
  if v_last[1].at > v_now - p_every then
    return false;  -- somebody just did
  end if;
  v_open := ingest.ingest_count_open();
  select v_now, case when v_last[1].at > v_now - 4 * p_every then v_last[1].at else v_now end,
         v_open.pending, v_open.scheduled, v_open.running,
         coalesce(sum(k.value) filter (where k.name = 'documents' and k.label = 'published'), 0),
         coalesce(sum(k.value) filter (where k.name = 'documents' and k.label = 'failed'), 0),
         coalesce(sum(k.value) filter (where k.name = 'chunks'), 0),
         coalesce(sum(k.value) filter (where k.name = 'texts'), 0),
         coalesce(sum(k.value) filter (where k.name = 'tokens'), 0), v_open.parked
  into v_this
  from ingest.ingest_counts k where k.name in ('documents', 'chunks', 'texts', 'tokens');
  if v_this.since = v_last[1].at and v_last[1].since = v_last[2].at
     and ingest.ingest_is_as_before(v_this, v_last[1]) and ingest.ingest_is_as_before(v_this, v_last[2]) then
    update ingest.ingest_history h set at = v_now where h.at = v_last[1].at;
  else
    insert into ingest.ingest_history select v_this.*;
  end if;
  return true;
end
$$;

comment on function ingest.ingest_note_history(interval) is
  'Notes how it goes, unless somebody did less than p_every ago; tells whether it did. Of a pause of more than four times as long a gap is left.';
