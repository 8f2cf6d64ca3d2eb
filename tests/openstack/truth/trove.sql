-- Databases: what an exporter must show, told by Trove's database; the form of the rows is nova.sql's.
-- The management list leaves out what is used of a volume.
with
instance as (
  select i.id, ifnull(i.name, '') name, i.tenant_id, i.volume_size, ifnull(i.region_id, '') region, d.name store, v.name version,
         case when i.task_id >= 80 then 'ERROR' -- each of Trove's tasks from there on is a failure
              when i.task_id = 5 then 'BUILD'
              else 'SHUTDOWN' end status, -- Nova has no server of it: none of these rows came with one
         s.status_id, i.task_id
  from trove.instances i
  left join trove.datastore_versions v on v.id = i.datastore_version_id
  left join trove.datastores d on d.id = v.datastore_id
  left join trove.service_statuses s on s.instance_id = i.id
  where i.deleted = 0 and i.cluster_id is null
),
labelled as (
  select i.*, json_object('datastore_type', store, 'datastore_version', version,
                          -- what its agent said last; one without a task should have said more since
                          'health_status', case if(task_id = 1, 0, status_id) when 0 then 'ERROR' when 1 then 'ACTIVE' when 2 then 'BLOCKED' when 4 then 'SHUTDOWN' else '' end,
                          'id', id, 'name', name, 'region', region, 'status', status, 'tenant_id', tenant_id) labels
  from instance i
),
sample (family, labels, value) as (
  select 'trove_up', json_object(), 1
  union all select 'trove_total_instances', json_object(), count(*) from instance
  union all
  select 'trove_instance_status', labels,
         field(status, 'NEW', 'BUILD', 'ACTIVE', 'REBOOT', 'RESIZE', 'UPGRADE', 'RESTART_REQUIRED', 'PROMOTE', 'EJECT', 'DETACH',
               'SHUTDOWN', 'BACKUP', 'ERROR') - 1
  from labelled
  union all select 'trove_instance_volume_size_gb', labels, volume_size from labelled
)
select concat('openstack_', family), labels, value from sample order by family, labels;
