-- Prices, and caps of what may be sent to embedders (decision 0044). The tables that are altered are small.

create table ingest.ingest_prices (
  model text not null,
  endpoint text not null default '',
  per_million numeric not null,
  constraint ingest_prices_pkey primary key (model, endpoint),
  constraint a_price_is_not_negative check (per_million >= 0)
);

comment on table ingest.ingest_prices is 'What a million tokens cost: see ingest_price.';
comment on column ingest.ingest_prices.model is 'The model, as spaces name it.';
comment on column ingest.ingest_prices.endpoint is 'At which service; empty: wherever no other price is set.';
comment on column ingest.ingest_prices.per_million is 'In whatever currency caps and usage are to be in.';

create table ingest.ingest_tenant_caps (
  tenant text not null,
  monthly_texts bigint,
  monthly_cost numeric,
  constraint ingest_tenant_caps_pkey primary key (tenant),
  constraint monthly_texts_are_positive check (monthly_texts > 0),
  constraint monthly_cost_is_positive check (monthly_cost > 0)
);

comment on table ingest.ingest_tenant_caps is 'What the collections of a tenant may send together in a month (UTC): see ingest_cap_tenant.';
comment on column ingest.ingest_tenant_caps.tenant is 'Its name; empty: that of collections without one.';
comment on column ingest.ingest_tenant_caps.monthly_texts is 'Most texts in a month (UTC); null: no cap.';
comment on column ingest.ingest_tenant_caps.monthly_cost is 'Most that a month''s texts may cost; null: no cap.';

alter table ingest.ingest_collections
  add column monthly_texts bigint constraint monthly_texts_are_positive check (monthly_texts > 0),
  add column monthly_cost numeric constraint monthly_cost_is_positive check (monthly_cost > 0);

comment on column ingest.ingest_collections.monthly_texts is 'Most texts that may be sent for it in a month (UTC); null: no cap.';
comment on column ingest.ingest_collections.monthly_cost is 'Most that a month''s texts may cost; null: no cap.';

create table ingest.ingest_spent (
  scope text not null,
  name text not null,
  month date not null,
  texts bigint not null,
  cost numeric not null,
  constraint ingest_spent_pkey primary key (scope, name, month),
  constraint scope_is_known check (scope in ('collection', 'request', 'tenant'))
) with (fillfactor = 50);

comment on table ingest.ingest_spent is
  'Where caps hold, what of them is used: a row for each request, collection or tenant and month. Who reserves locks it. Made when a cap is first asked for.';
comment on column ingest.ingest_spent.scope is 'Whose cap it is: that of a collection, a request or a tenant.';
comment on column ingest.ingest_spent.name is 'Of the collection or tenant; of a request, its id.';
comment on column ingest.ingest_spent.month is 'Its first day (UTC); of a request, which has one cap for all of its life, -infinity.';
comment on column ingest.ingest_spent.texts is 'Texts that were sent and stored.';
comment on column ingest.ingest_spent.cost is 'What they cost, as far as a price was known.';

create table ingest.ingest_reservations (
  id bigint generated always as identity,
  requests uuid[] not null,
  batch int not null,
  owner uuid not null,
  tenant text not null,
  collection text not null,
  texts int not null,
  cost numeric not null,
  at timestamptz not null,
  constraint ingest_reservations_pkey primary key (id)
);

comment on table ingest.ingest_reservations is
  'Texts that are being sent under a cap. One counts as long as the execution that made it owns its batch, on a listener that is not dead (ingest_is_open).';
comment on column ingest.ingest_reservations.id is 'Its number.';
comment on column ingest.ingest_reservations.requests is 'For which requests: those that share the batch.';
comment on column ingest.ingest_reservations.batch is 'The number of their batch.';
comment on column ingest.ingest_reservations.owner is 'The execution: ingest_batches.owner.';
comment on column ingest.ingest_reservations.tenant is 'Whose caps of tenants it counts under; empty: that of collections without one.';
comment on column ingest.ingest_reservations.collection is 'Whose caps of collections it counts under.';
comment on column ingest.ingest_reservations.texts is 'How many texts.';
comment on column ingest.ingest_reservations.cost is 'The most that they can cost; what they do cost is known afterwards.';
comment on column ingest.ingest_reservations.at is 'When it was made, by ingest_now().';

alter table ingest.ingest_prices enable row level security;
alter table ingest.ingest_tenant_caps enable row level security;
alter table ingest.ingest_spent enable row level security;
alter table ingest.ingest_reservations enable row level security;

alter table ingest.ingest_listeners
  add column knows_caps boolean not null default false,
  add column price jsonb;

comment on column ingest.ingest_listeners.knows_caps is 'Whether it can carry out plans, and keeps to caps; one of a former release does not, and gets no such request.';
comment on column ingest.ingest_listeners.price is 'INGEST_PRICE_PER_MILLION_TOKENS of its own model: {embedder, endpoint, model, per_million}.';

-- Functions that others take the place of.
-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_register(text, text, int, text, text, text[], text, int, interval, text, interval, bigint);

-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_retry(uuid);

-- squawk-ignore ban-drop-function
drop function if exists ingest.ingest_count_others(text, text, text);
