create or replace function ingest.ingest_rollback(collection text) returns ingest.ingest_generations
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  v_former int;
begin
  perform ingest.ingest_require('operate'::text, collection);
  select g.generation into v_former from ingest.ingest_generations g
  where g.collection = ingest_rollback.collection and g.state = 'former' order by g.switched_at desc, g.generation desc limit 1 for no key update;
  if not found then
    raise exception 'collection "%" has no former generation', collection
      using errcode = 'IG045', constraint = 'nothing_to_go_back_to',
            hint = format('It is kept for a while behind a switch: see select * from ingest_list_generations(%L).', collection);
  end if;
  return ingest.ingest_make_live(collection, v_former);
end
$$;

comment on function ingest.ingest_rollback(text) is
  'Has searches see the former generation again, with all that was published since; the other one is former then, and a rollback goes back to it. IG045 if there is none, or it is purged.';
