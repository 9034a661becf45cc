create or replace function ingest.ingest_purge(
  requests interval, commands interval, replaced interval default null, page int default 1000
) returns table (what text, removed int)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
-- Two have no default: ingest_purge(interval) is what listeners of the former release call.
#variable_conflict use_column
begin
  perform ingest.ingest_require('operate'::text, ''::text);
  perform ingest.ingest_check_count('page'::text, ingest_purge.page);
  if num_nonnulls(ingest_purge.requests, ingest_purge.commands, ingest_purge.replaced) = 0
     or least(ingest_purge.requests, ingest_purge.commands, ingest_purge.replaced) < interval '0'
     or greatest(ingest_purge.requests, ingest_purge.commands, ingest_purge.replaced) > interval '1000 years' then
    raise exception 'how old what is to be purged has to be is not clear'
      using errcode = 'IG035', constraint = 'wrong_age', hint = 'Like: select * from ingest_purge(requests => ''90 days'', commands => ''90 days'');';
  end if;
  if ingest_purge.requests is not null then
    return query select 'requests', ingest.ingest_purge_requests(ingest_purge.requests, coalesce(ingest_purge.page, 1000));
  end if;
  if ingest_purge.commands is not null then
    return query select 'commands', ingest.ingest_purge_commands(ingest_purge.commands, coalesce(ingest_purge.page, 1000));
  end if;
  if ingest_purge.replaced is not null then
    return query select 'replaced', ingest.ingest_purge_replaced(ingest_purge.replaced, coalesce(ingest_purge.page, 1000));
  end if;
end
$$;

comment on function ingest.ingest_purge(interval, interval, interval, int) is
  'Deletes a page of what is older than that: finished requests, commands that were carried out, texts and chunks that were replaced; returns how many. '
  'Nothing that is live or referred to; null: none of these. Less than page: that was all. IG035 no age, IG040 for operators of all collections.';
