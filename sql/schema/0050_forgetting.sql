-- Forgetting (decision 0043): what was ordered, what must not come back, and requests whose rows in DBOS have to go.
create table ingest.ingest_forget_orders (
  id bigint generated always as identity,
  collections text[] not null,
  uri text,
  under text,
  keeps_out boolean not null,
  asked_by name not null,
  asked_at timestamptz not null,
  began_at timestamptz,
  let_back jsonb not null default '{}',
  removed jsonb not null default '{}',
  looked_in xid8,
  swept_at timestamptz,
  done_at timestamptz,
  constraint ingest_forget_orders_pkey primary key (id),
  constraint what_is_done_names_nothing check (done_at is null or num_nonnulls(uri, under) = 0 and let_back = '{}')
);

create index ingest_forget_orders_open_idx on ingest.ingest_forget_orders (id) where done_at is null;

alter table ingest.ingest_forget_orders enable row level security;

comment on table ingest.ingest_forget_orders is 'What was asked to be forgotten, and how far that is. Read ingest_forgettings().';
comment on column ingest.ingest_forget_orders.collections is 'In which collections.';
comment on column ingest.ingest_forget_orders.uri is 'A document, with what lies inside of it. Null as soon as it is forgotten: nothing names it any more.';
comment on column ingest.ingest_forget_orders.under is 'What begins so. Null as soon as it is forgotten. Neither: everything.';
comment on column ingest.ingest_forget_orders.keeps_out is 'Whether what was forgotten is kept out from then on (ingest_forgotten).';
comment on column ingest.ingest_forget_orders.asked_by is 'By whom.';
comment on column ingest.ingest_forget_orders.asked_at is 'When: what began later is a new beginning.';
comment on column ingest.ingest_forget_orders.began_at is 'When the transaction began that ordered it, if it removed all that it saw: the rest of it is a new beginning, too.';
comment on column ingest.ingest_forget_orders.let_back is 'Documents that were let back since (ingest_let_back), by collection, until it is done.';
comment on column ingest.ingest_forget_orders.removed is 'How much was removed, by kind.';
comment on column ingest.ingest_forget_orders.looked_in is 'The transaction of a listener''s first look: when all older ones have ended, the next look is the last.';
comment on column ingest.ingest_forget_orders.swept_at is 'When a look found nothing more in our tables.';
comment on column ingest.ingest_forget_orders.done_at is 'When DBOS had nothing more either, and the statistics were made anew.';

create table ingest.ingest_forgotten (
  key bytea not null,
  within bytea[] not null default '{}',
  constraint ingest_forgotten_pkey primary key (key)
);

alter table ingest.ingest_forgotten enable row level security;

comment on table ingest.ingest_forgotten is 'Documents that are kept out since they were forgotten. It names none: see ingest_forgotten_key.';
comment on column ingest.ingest_forgotten.key is 'A digest of the installation''s salt, the collection and the URI.';
comment on column ingest.ingest_forgotten.within is 'Digests of names that let it back, too: what it lies in, and the prefix or the document that was named.';

create table ingest.ingest_forgotten_salt (
  one boolean not null default true,
  salt bytea not null default uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
  constraint ingest_forgotten_salt_pkey primary key (one),
  constraint there_is_one_salt check (one)
);

alter table ingest.ingest_forgotten_salt enable row level security;

comment on table ingest.ingest_forgotten_salt is 'Makes the keys of ingest_forgotten those of this installation: without it nobody can try names.';
comment on column ingest.ingest_forgotten_salt.one is 'There is one row.';
comment on column ingest.ingest_forgotten_salt.salt is 'Random.';

insert into ingest.ingest_forgotten_salt default values;

create table ingest.ingest_left_workflows (
  request_id uuid not null,
  order_id bigint not null default 0,
  constraint ingest_left_workflows_pkey primary key (request_id, order_id)
);

create index ingest_left_workflows_order_idx on ingest.ingest_left_workflows (order_id);

alter table ingest.ingest_left_workflows enable row level security;

comment on table ingest.ingest_left_workflows is
  'Requests whose workflows a listener has DBOS delete when they have ended: the request was deleted, or a document of it was forgotten.';
comment on column ingest.ingest_left_workflows.order_id is 'The order (ingest_forget_orders) that waits for it; 0: none does.';

-- Options of a fork may name documents; commands outlive their requests.
update ingest.ingest_commands k set arguments = '{}'
where k.arguments <> '{}' and not exists (select from ingest.ingest_requests r where r.id = k.request_id);
