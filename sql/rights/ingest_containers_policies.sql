drop policy if exists who_sees_the_request_sees_them on ingest.ingest_containers;
create policy who_sees_the_request_sees_them on ingest.ingest_containers for select using (
  (select ingest.ingest_may('listen'::text, ''::text)) or exists (select from ingest.ingest_requests r where r.id = request_id));
