-- A generation whose own request ended without success holds up nobody (decision 0054). Small tables; nothing is rewritten.

alter table ingest.ingest_generations
  -- squawk-ignore ban-drop-constraint
  drop constraint state_is_known,
  -- squawk-ignore constraint-missing-not-valid
  add constraint state_is_known check (state in ('planned', 'building', 'stopped', 'live', 'former', 'purging', 'purged'));

-- squawk-ignore require-concurrent-index-creation
create unique index one_generation_of_a_collection_is_made on ingest.ingest_generations (collection) where state = 'building';

update ingest.ingest_generations g set state = case g.state when 'planned' then 'purged' else 'stopped' end
from ingest.ingest_requests r
where r.id = g.request_id and g.state in ('planned', 'building') and r.status in ('failed', 'cancelled');

-- It takes a number now; and one that another took the place of.
-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_rollback(text);
-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_require_building(ingest.ingest_requests);
