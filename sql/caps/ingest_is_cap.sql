create or replace function ingest.ingest_is_cap(p_setting text, p_value jsonb) returns boolean
language sql immutable
return case
  when p_value = 'null' then true
  -- A number in quotes is one, too.
  when p_value #>> '{}'::text[] ~ '^[0-9]{1,13}([.][0-9]{1,30})?$'
    then (p_value #>> '{}'::text[])::numeric between 0.000001 and 1e12
         and (p_setting <> 'monthly_texts' or (p_value #>> '{}'::text[])::numeric = trunc((p_value #>> '{}'::text[])::numeric))
  else false end;

comment on function ingest.ingest_is_cap(text, jsonb) is
  'Whether a collection or a tenant can have this as monthly_texts or monthly_cost: above 0 and at most 1e12, monthly_texts whole; null is no cap.';
