-- Who may do what in which collection. Before it, rights were those on tables: who had them goes on with the same.
create table ingest.ingest_collection_grants (
  role name not null,
  may text not null,
  collection text not null default '',
  granted_by name not null default coalesce(nullif(current_setting('role'), 'none')::name, session_user),
  granted_at timestamptz not null default clock_timestamp(),
  constraint ingest_collection_grants_pkey primary key (role, may, collection),
  constraint right_is_known check (may in ('submit', 'search', 'operate', 'gateway', 'listen')),
  constraint a_listener_works_for_all_collections check (may <> 'listen' or collection = '')
);

comment on table ingest.ingest_collection_grants is
  'Who may do what in which collection. Written by ingest_grant and ingest_revoke; the owner of the schema may do everything.';
comment on column ingest.ingest_collection_grants.role is 'A role of the database; its members have the right too, if they inherit from it.';
comment on column ingest.ingest_collection_grants.may is
  'submit: insert requests. search: search and read documents. operate: see all requests, control them, change the collection. '
  'gateway: search for somebody else, whose principals it names. listen: run a listener.';
comment on column ingest.ingest_collection_grants.collection is 'Empty: all collections, those to come too.';
comment on column ingest.ingest_collection_grants.granted_by is 'Who granted it.';
comment on column ingest.ingest_collection_grants.granted_at is 'When.';

create table ingest.ingest_limits (
  role name not null,
  max_pending int,
  max_running int,
  max_pending_bytes bigint,
  max_new_collections int,
  min_priority int,
  max_document_bytes bigint,
  constraint ingest_limits_pkey primary key (role),
  constraint limits_are_not_negative check (least(max_pending, max_running, max_pending_bytes, max_new_collections) >= 0)
);

comment on table ingest.ingest_limits is
  'What one submitter may take of what all share; null: no limit. The row with an empty role holds for all that have none of their own.';
comment on column ingest.ingest_limits.role is 'Who inserts (ingest_requests.submitted_by).';
comment on column ingest.ingest_limits.max_pending is 'Most requests that wait.';
comment on column ingest.ingest_limits.max_running is 'Most requests that run at a time.';
comment on column ingest.ingest_limits.max_pending_bytes is 'Most bytes of inline content in requests that wait.';
comment on column ingest.ingest_limits.max_new_collections is 'Most collections that it may bring into being.';
comment on column ingest.ingest_limits.min_priority is 'Lowest value of priority, that is the most urgent one.';

comment on column ingest.ingest_limits.max_document_bytes is
  'Of the empty role: the largest inline document that a listener takes; written by listeners as they start.';

insert into ingest.ingest_limits values ('', 100000, null, 1073741824, 100, 0, 67108864);

alter table ingest.ingest_collections add column created_by name;

comment on column ingest.ingest_collections.created_by is 'Who brought it into being: the submitter of its first request, or who called ingest_collection.';

alter table ingest.ingest_listeners add column max_document_bytes bigint;

comment on column ingest.ingest_listeners.max_document_bytes is 'The largest document that it takes.';

-- Functions run as the owner, so current_user is nobody's name.
alter table ingest.ingest_requests alter column created_by set default coalesce(nullif(current_setting('role'), 'none'), session_user);
alter table ingest.ingest_commands alter column created_by set default coalesce(nullif(current_setting('role'), 'none'), session_user);

-- Requests of before have no submitter; a dedupe key is that of its submitter from now on.
select set_config('ingest.writer', statement_timestamp()::text, true);
update ingest.ingest_requests set submitted_by = created_by
where submitted_by is null and dedupe_key is not null and status in ('pending', 'running');

-- The column is new, so it is empty: a scan without a sort.
-- squawk-ignore require-concurrent-index-creation
create index ingest_documents_principals_idx on ingest.ingest_documents (collection) where principals is not null;
-- squawk-ignore require-concurrent-index-creation
create index ingest_requests_submitter_idx on ingest.ingest_requests (submitted_by) where status = 'pending';

insert into ingest.ingest_collection_grants (role, may)
select distinct g.rolname, r.may
from (values ('ingest.ingest_requests'::regclass, 'INSERT', 'submit'), ('ingest.ingest_chunk_store'::regclass, 'SELECT', 'search'),
             ('ingest.ingest_requests'::regclass, 'UPDATE', 'operate')) as r (relation, privilege, may)
join pg_class c on c.oid = r.relation
cross join lateral aclexplode(c.relacl) a
join pg_roles g on g.oid = a.grantee
where a.privilege_type = r.privilege and a.grantee <> c.relowner;
insert into ingest.ingest_collection_grants (role, may)
select distinct g.rolname, 'submit'
from pg_attribute t cross join lateral aclexplode(t.attacl) a
join pg_roles g on g.oid = a.grantee join pg_class c on c.oid = t.attrelid
where t.attrelid = 'ingest.ingest_requests'::regclass and a.privilege_type = 'INSERT' and a.grantee <> c.relowner
on conflict do nothing;

alter table ingest.ingest_migrations enable row level security;
alter table ingest.ingest_spaces enable row level security;
alter table ingest.ingest_collections enable row level security;
alter table ingest.ingest_requests enable row level security;
alter table ingest.ingest_used_ids enable row level security;
alter table ingest.ingest_documents enable row level security;
alter table ingest.ingest_revisions enable row level security;
alter table ingest.ingest_batches enable row level security;
alter table ingest.ingest_chunk_store enable row level security;
alter table ingest.ingest_commands enable row level security;
alter table ingest.ingest_listeners enable row level security;
alter table ingest.ingest_queries enable row level security;
alter table ingest.ingest_containers enable row level security;
alter table ingest.ingest_generations enable row level security;
alter table ingest.ingest_cuts enable row level security;
alter table ingest.ingest_document_origins enable row level security;
alter table ingest.ingest_usage enable row level security;
alter table ingest.ingest_backfills enable row level security;
alter table ingest.ingest_collection_grants enable row level security;
alter table ingest.ingest_limits enable row level security;
