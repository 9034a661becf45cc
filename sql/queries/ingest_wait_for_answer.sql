create or replace function ingest.ingest_wait_for_answer(p_error jsonb, p_channel text, p_look int) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if p_error is not null then
    raise exception '%', p_error ->> 'message'
      using errcode = 'IG034', constraint = p_error ->> 'code', hint = p_error ->> 'hint';
  end if;
  -- About once a second: in case the listener that took it has died.
  if p_look % 20 = 0 then
    perform pg_notify(ingest.ingest_channel(p_channel), '');
  end if;
  perform pg_sleep(least(0.002 * 1.2 ^ least(greatest(p_look, 0), 20), 0.05));
end
$$;

comment on function ingest.ingest_wait_for_answer(jsonb, text, int) is
  'A moment until a question is looked at again: some 2 ms first, in the end 50. Raises IG034 with the code, message and hint of its error, if it has one.';
