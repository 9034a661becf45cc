create table ingest.ingest_commands (
  id bigint generated always as identity,
  request_id uuid not null,
  verb text not null,
  arguments jsonb not null default '{}',
  created_by text not null default current_user,
  created_at timestamptz not null default now(),
  executor_id text,
  done_at timestamptz,
  outcome text,
  constraint ingest_commands_pkey primary key (id),
  constraint verb_is_known check (verb in ('cancel', 'resume', 'retry', 'fork')),
  constraint outcome_goes_with_done_at check ((outcome is not null) = (done_at is not null))
);

create index ingest_commands_open_idx on ingest.ingest_commands (id) where done_at is null;
create index ingest_commands_request_idx on ingest.ingest_commands (request_id);

comment on table ingest.ingest_commands is 'What the control functions asked for, by whom, and what came of it.';
