-- Questions apart from answers: whoever asks only adds a row of its own, so nobody waits for another's transaction.
create table ingest.ingest_questions (
  id bigint generated always as identity,
  asked_by name not null,
  space_id int not null,
  hash bytea not null,
  text text,
  error jsonb,
  wanted_until timestamptz not null,
  claimed_until timestamptz,
  constraint ingest_questions_pkey primary key (id),
  constraint a_question_is_open_or_refused check (num_nonnulls(text, error) = 1)
);

create index ingest_questions_wanted_idx on ingest.ingest_questions (wanted_until);
create index ingest_questions_asker_idx on ingest.ingest_questions (asked_by, wanted_until);
create index ingest_questions_key_idx on ingest.ingest_questions (space_id, hash);

alter table ingest.ingest_questions enable row level security;

comment on table ingest.ingest_questions is
  'Texts of searches that wait for their vectors. Asked and read by functions only: call ingest_embed_query(''…'').';
comment on column ingest.ingest_questions.asked_by is 'Whose it is: only for that role it can be looked at, and its open ones are counted.';
comment on column ingest.ingest_questions.space_id is 'In which space it is to be embedded. No foreign key: who asks would lock the space.';
comment on column ingest.ingest_questions.hash is 'As in ingest_queries, where the answer will be; then this row is deleted.';
comment on column ingest.ingest_questions.text is 'What is to be embedded.';
comment on column ingest.ingest_questions.error is 'Why it could not be embedded: code, message, hint.';
comment on column ingest.ingest_questions.wanted_until is 'Until when somebody waits for it; it is deleted soon afterwards.';
comment on column ingest.ingest_questions.claimed_until is 'Until when no other listener embeds it.';

comment on table ingest.ingest_queries is
  'Vectors of searches, a cache of bounded size. Asked for with: call ingest_embed_query(''…'').';
comment on column ingest.ingest_queries.hash is 'SHA-256 of the collection''s query_prefix and the text; of a tenant''s, with the tenant before it.';
comment on column ingest.ingest_queries.text is 'Null since questions have a table of their own.';
comment on column ingest.ingest_queries.error is 'Null since questions have a table of their own.';
comment on column ingest.ingest_queries.wanted_until is 'Until when it is not evicted: who waits looks at it first.';
comment on column ingest.ingest_queries.claimed_until is 'Null since questions have a table of their own.';

alter table ingest.ingest_limits add column max_queries int not null default 1000,
  add constraint max_queries_is_not_negative check (max_queries >= 0) not valid;

comment on column ingest.ingest_limits.max_queries is 'Most questions that it may have open (ingest_embed_query). Never null: a role whose other limits are set has one, too.';

-- Calls that are under way: nobody knows any more whose they are.
insert into ingest.ingest_questions (asked_by, space_id, hash, text, wanted_until)
select '', q.space_id, q.hash, q.text, q.wanted_until from ingest.ingest_queries q where q.text is not null;
-- The others stay in the cache, too: a call's function of before that goes on meanwhile looks for its question there.
delete from ingest.ingest_queries where embedding is null and text is null;
-- Nothing is in it any more.
-- squawk-ignore require-concurrent-index-deletion
drop index ingest.ingest_queries_open_idx;

-- Former releases granted applications to read the questions and to write them.
do $$
declare
  v_one record;
begin
  for v_one in
    select distinct r.relation, coalesce(quote_ident(g.rolname), 'public') as grantee
    from (values ('ingest.ingest_queries'::regclass), ('ingest.ingest_questions'::regclass)) as r (relation)
    join pg_class c on c.oid = r.relation
    cross join lateral (
      select a.grantee from aclexplode(c.relacl) a
      union select a.grantee from pg_attribute t cross join lateral aclexplode(t.attacl) a where t.attrelid = c.oid) a
    left join pg_roles g on g.oid = a.grantee
    where a.grantee <> c.relowner
  loop
    execute format('revoke all on %s from %s cascade', v_one.relation, v_one.grantee);
  end loop;
end
$$;
