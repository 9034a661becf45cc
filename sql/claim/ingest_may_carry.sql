create or replace function ingest.ingest_may_carry(p_request ingest.ingest_requests, p_folders text[]) returns boolean
language sql immutable
return (' knows caps' = any (p_folders) or not ingest.ingest_asks_for_caps(p_request)) and (p_request.settings -> 'steps' is null or ingest.ingest_has_steps(p_folders, p_request.settings -> 'steps'));

comment on function ingest.ingest_may_carry(ingest.ingest_requests, text[]) is
  'Whether a listener with these folders may have a request as far as plans, caps and own steps go: one that knows them says so among its folders (ingest_claim).';
