-- Metrics: what an exporter must show, told by Gnocchi's index; the form of the rows is nova.sql's.
-- Its status (measures that wait) is in no table: it counts the files of the incoming measures, and none is written here.
with
sample (family, labels, value) as (
  select 'gnocchi_up', '{}', 1
  union all select 'gnocchi_total_metrics', '{}', count(*) from gnocchi.metric where status = 'active'
  union all select 'gnocchi_status_metric_having_measures_to_process', '{}', 0
  union all select 'gnocchi_status_measures_to_process', '{}', 0
  union all select 'gnocchi_status_metricd_processors', '{}', 1 -- [metricd] workers of templates/gnocchi.conf
)
select concat('openstack_', family), labels, value from sample order by family, labels;
