create or replace function ingest.ingest_made_indexes()
returns table (name text, is_ours boolean, is_valid boolean, bytes bigint, rows bigint, settings jsonb, predicate text, definition text, phase text, tuples bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  -- Only the owner sees how far its sessions are.
  select k.relname::text, k.relname like E'ingest\\_ann\\_%', i.indisvalid, pg_relation_size(k.oid), k.reltuples::bigint,
         (select jsonb_object_agg(o.option_name, o.option_value::int) from pg_options_to_table(k.reloptions) o), pg_get_expr(i.indpred, i.indrelid),
         pg_get_indexdef(k.oid), p.phase,
         case when p.phase like 'building index%' then p.tuples_done when i.indisready then 1000000000000 else 0 end
  from pg_index i
  join pg_class k on k.oid = i.indexrelid
  join pg_am a on a.oid = k.relam
  left join pg_stat_progress_create_index p on p.index_relid = k.oid and p.relid = i.indrelid
  where i.indrelid = 'ingest.ingest_chunk_store'::regclass and a.amname in ('hnsw', 'ivfflat');
$$;

comment on function ingest.ingest_made_indexes() is
  'ANN indexes that are there, ours and those of users; of one that is being built, the phase and how many rows are in it.';
