"""What a look at the server reads: catalogs and statistics that any role sees. No table of ours is counted."""

CAPACITY = """
select current_setting('server_version_num')::int as number, current_setting('is_superuser') = 'on' as may_alter,
  (select string_agg(distinct split_part(s.name, '.', 1), ',') from pg_settings s
   where split_part(s.name, '.', 1) in ('rds', 'cloudsql', 'azure', 'neon', 'supautils')) as provider,
  pg_has_role(current_user, 'pg_read_all_stats', 'usage') as sees_all,
  coalesce((select max(age(d.datfrozenxid)) from pg_database d), 0)::bigint as oldest_xid,
  coalesce(s.temp_bytes, 0)::bigint as temp_bytes, coalesce(s.temp_files, 0)::bigint as temp_files,
  extract(epoch from clock_timestamp() - coalesce(s.stats_reset, pg_postmaster_start_time()))::float8
    as counted_seconds,
  (select x.extversion from pg_extension x where x.extname = 'vector') as pgvector,
  (select a.default_version from pg_available_extensions a where a.name = 'vector') as newest_pgvector
from pg_stat_database s where s.datname = current_database()"""

SETTINGS = """
select s.name, s.setting, s.unit, s.context from pg_settings s where s.name in (
  'fsync', 'full_page_writes', 'synchronous_commit', 'autovacuum', 'track_counts', 'shared_buffers',
  'effective_cache_size',
  'maintenance_work_mem', 'max_wal_size', 'work_mem', 'max_connections', 'superuser_reserved_connections',
  'reserved_connections', 'random_page_cost', 'effective_io_concurrency', 'autovacuum_freeze_max_age',
  'autovacuum_vacuum_cost_limit', 'vacuum_cost_limit', 'autovacuum_vacuum_scale_factor', 'autovacuum_vacuum_threshold',
  'max_slot_wal_keep_size', 'block_size', 'checkpoint_timeout')"""

CHECKPOINTS = "select num_timed as timed, num_requested as requested from pg_stat_checkpointer"
CHECKPOINTS_FORMER = "select checkpoints_timed as timed, checkpoints_req as requested from pg_stat_bgwriter"

# The width is that of the columns whose statistics the role sees; null unless it sees all.
TABLES = """
select c.relname::text as name, greatest(c.reltuples, 0)::bigint as rows, c.relpages::bigint as pages,
  pg_table_size(c.oid) as bytes, coalesce(s.n_live_tup, 0) as live, coalesce(s.n_dead_tup, 0) as dead,
  greatest(s.last_vacuum, s.last_autovacuum) is not null as vacuumed,
  greatest(s.last_analyze, s.last_autoanalyze) is not null as analyzed,
  coalesce((select o.option_value from pg_options_to_table(c.reloptions) o
            where o.option_name = 'autovacuum_enabled'), 'true')
    in ('true', 'on', '1') as autovacuum,
  (select o.option_value::float8 from pg_options_to_table(c.reloptions) o
   where o.option_name = 'autovacuum_vacuum_scale_factor') as scale_factor,
  (select o.option_value::int from pg_options_to_table(c.reloptions) o
   where o.option_name = 'autovacuum_vacuum_threshold') as threshold,
  coalesce((select o.option_value::int from pg_options_to_table(c.reloptions) o
            where o.option_name = 'fillfactor'), 100) as fillfactor,
  (select case when count(*) >= c.relnatts then sum(t.avg_width * (1 - t.null_frac)) end from pg_stats t
   where t.schemaname = n.nspname and t.tablename = c.relname and not t.inherited)::float8 as width
from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_stat_all_tables s on s.relid = c.oid
where c.relnamespace = to_regnamespace('{schema}') and c.relname like E'ingest\\\\_%' and c.relkind = 'r'
order by c.relname"""

INDEXES = """
select k.relname::text as name, t.relname::text as on_table, m.amname::text as method, i.indisvalid as valid,
  i.indisunique as "unique", k.relname like E'ingest\\\\_%' or con.oid is not null as ours,
  pg_relation_size(k.oid) as bytes, greatest(k.reltuples, 0)::bigint as entries, coalesce(s.idx_scan, 0) as scans,
  exists (select from pg_stat_progress_create_index b where b.index_relid = k.oid) as building,
  (select max(a.atttypmod) from pg_attribute a where a.attrelid = k.oid) as dimensions
from pg_index i join pg_class k on k.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
join pg_am m on m.oid = k.relam
left join pg_stat_all_indexes s on s.indexrelid = k.oid
left join pg_constraint con on con.conindid = k.oid and con.contype in ('p', 'u', 'x')
where t.relnamespace = to_regnamespace('{schema}') and t.relname like E'ingest\\\\_%' and t.relkind = 'r'
order by k.relname"""

SESSIONS = """
select count(*) filter (where coalesce(a.backend_type, 'client backend') = 'client backend' and a.datid is not null)
    as used,
  count(distinct a.application_name) filter (where a.application_name ~ '^ingest .') as listeners,
  count(*) filter (where a.application_name ~ '^ingest .') as of_listeners
from pg_stat_activity a"""

LONG_TRANSACTIONS = """
select a.pid, coalesce(a.usename::text, '') as role, coalesce(a.application_name, '') as application,
  coalesce(a.state, '') as state,
  extract(epoch from clock_timestamp() - a.xact_start)::float8 as seconds
from pg_stat_activity a
where a.xact_start < clock_timestamp() - make_interval(secs => $1::float8) and a.pid <> pg_backend_pid()
  and a.backend_type = 'client backend'
  and (a.backend_xmin is not null or a.backend_xid is not null or a.state like 'idle in%')
order by a.xact_start limit 5"""

PREPARED = """
select p.gid, extract(epoch from clock_timestamp() - p.prepared)::float8 as seconds from pg_prepared_xacts p
where p.database = current_database()
  and p.prepared < clock_timestamp() - make_interval(secs => $1::float8)
order by p.prepared limit 5"""

SLOTS = """
select s.slot_name::text as name, s.active, pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::bigint as bytes
from pg_replication_slots s where s.restart_lsn is not null order by s.restart_lsn limit 20"""
