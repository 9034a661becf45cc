-- Insert a document, wait until it is searchable, search it. Run it with a listener on the same database:
--
--   psql "$INGEST_DATABASE_URL" -f examples/clients/psql.sql        (or, on the embedded Postgres: ingest psql -f …)

\set ON_ERROR_STOP on
\set collection clients

-- 1. A request is a row. Its id says everything that we need later.
insert into ingest_requests (content, uri, media_type, collection, metadata)
values (
  E'# Frost\n\nBelow 3 °C the heating starts by itself.\n\n# Heat\n\nAbove 24 °C the vents open.',
  'note://frost-and-heat', 'text/markdown', :'collection', '{"author": "psql"}'
)
returning id as request \gset

-- 2. Wait until it ends: psql has no LISTEN that waits, so look ten times a second, for a minute at most. set_config carries the id into
--    the block, where psql's variables don't reach. The commit keeps the wait from being one long transaction.
select set_config('example.request', :'request', false) \g /dev/null
do $$
begin
  for i in 1..600 loop
    exit when exists (
      select from ingest_status
      where id = current_setting('example.request')::uuid
        and status not in ('pending', 'running')
    );
    perform pg_sleep(0.1);
    commit;
  end loop;
end $$;

-- 3. How did it end? If nothing has happened, waiting_for says why.
select status, percent, documents_done, documents_skipped, documents_failed, chunks_total, waiting_for, error
from ingest_status
where id = :'request';

select uri, step, code, message, hint, retryable
from ingest_failures
where request_id = :'request';

-- 4. Search: the words, the collection, how many.
select round(score::numeric, 3) as score, uri, ordinal, text
from ingest_search('when does the heating start', :'collection', 5);
