-- What the cloud keeps of each greenhouse: one row a minute, in monthly partitions.

create table readings (
  site_id int not null references sites (id),
  read_at timestamptz not null,
  temperature real not null,     -- degrees Celsius
  humidity real not null,        -- percent
  vents smallint not null,       -- percent open
  misting boolean not null default false,
  primary key (site_id, read_at)
) partition by range (read_at);

-- Sites that were too hot for longer than ten minutes yesterday, worst first.
select s.name,
       count(*) as minutes_too_hot,
       max(r.temperature) as hottest
from readings r
join sites s on s.id = r.site_id
where r.read_at >= current_date - 1
  and r.read_at < current_date
  and r.temperature > s.alarm_temperature
group by s.id, s.name
having count(*) > 10
order by minutes_too_hot desc;

-- Two years are kept. A month that is older goes as a whole.
create or replace procedure drop_old_months() language plpgsql as $$
declare
  v_partition regclass;
begin
  for v_partition in
    select inhrelid::regclass
    from pg_inherits
    where inhparent = 'readings'::regclass
      and inhrelid::regclass::text < 'readings_' || to_char(now() - interval '2 years', 'YYYY_MM')
  loop
    execute format('drop table %s', v_partition);
  end loop;
end $$;
