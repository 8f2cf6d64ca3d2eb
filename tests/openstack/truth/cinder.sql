-- Volume: what an exporter must show, told by Cinder's database; the form of the rows is nova.sql's.
-- Rules that are not in the tables are restated from Cinder 29; the sizes of the pools are those of py/rack_cinder.py.
with
project as (select * from keystone.project where is_domain = 0),
volume as ( -- the copy that a migration makes is not listed
  select v.*, ifnull(t.name, '') type_name, if(v.bootable, 'true', 'false') boots,
         ifnull((select a.instance_uuid from cinder.volume_attachment a
                 where a.volume_id = v.id and a.deleted = 0 and a.attach_status = 'attached' order by a.id limit 1), '') server_id
  from cinder.volumes v left join cinder.volume_types t on t.id = v.volume_type_id
  where v.deleted = 0 and ifnull(v.migration_status, '') not like 'target:%'
),
status (name, number) as (
  values ('creating', 0), ('available', 1), ('reserved', 2), ('attaching', 3), ('detaching', 4), ('in-use', 5), ('maintenance', 6),
         ('deleting', 7), ('awaiting-transfer', 8), ('error', 9), ('error_deleting', 10), ('backing-up', 11),
         ('restoring-backup', 12), ('error_backing-up', 13), ('error_restoring', 14), ('error_extending', 15), ('downloading', 16),
         ('uploading', 17), ('retyping', 18), ('extending', 19)
),
pool (name, backend, total) as (
  values ('volhost@fast#ssd-a', 'fast', 4096), ('volhost@fast#ssd-b', 'fast', 2048), ('volhost@bulk#hdd', 'bulk', 65536)
),
quota_default (resource, hard_limit) as (values ('gigabytes', 20000), ('backup_gigabytes', 1000)), -- templates/cinder.conf, else Cinder's own
quota as (
  select p.id project_id, p.name project_name, d.resource, coalesce(own.hard_limit, class.hard_limit, d.hard_limit) hard_limit,
         ifnull(u.in_use, 0) in_use
  from project p
  cross join quota_default d
  left join cinder.quotas own on own.project_id = p.id and own.resource = d.resource and own.deleted = 0
  left join cinder.quota_classes class on class.class_name = 'default' and class.resource = d.resource and class.deleted = 0
  left join cinder.quota_usages u on u.project_id = p.id and u.resource = d.resource and u.deleted = 0
),
sample (family, labels, value) as (
  select 'cinder_up', json_object(), 1
  union all select 'cinder_volumes', json_object(), count(*) from volume
  union all select 'cinder_snapshots', json_object(), count(*) from cinder.snapshots where deleted = 0
  union all
  select 'cinder_agent_state',
         json_object('uuid', '', 'hostname', host, 'service', `binary`, 'adminState', if(disabled, 'disabled', 'enabled'),
                     'zone', availability_zone, 'disabledReason', ifnull(disabled_reason, '')),
         -- 30: service_down_time of templates/cinder.conf
         abs(timestampdiff(second, ifnull(updated_at, created_at), utc_timestamp())) <= 30
  from cinder.services where deleted = 0
  union all
  select 'cinder_volume_gb',
         json_object('id', id, 'name', ifnull(display_name, ''), 'status', status, 'availability_zone', ifnull(availability_zone, ''),
                     'bootable', boots, 'tenant_id', project_id, 'user_id', user_id, 'volume_type', type_name,
                     'server_id', server_id), size
  from volume
  union all
  select 'cinder_volume_status',
         json_object('id', v.id, 'name', ifnull(v.display_name, ''), 'status', v.status, 'bootable', v.boots, 'tenant_id', v.project_id,
                     'size', cast(v.size as char), 'volume_type', v.type_name, 'server_id', v.server_id), ifnull(s.number, -1)
  from volume v left join status s on s.name = v.status
  union all
  select 'cinder_volume_status_counter', json_object('status', s.name), count(v.id)
  from (select name from status union select status from volume) s left join volume v on v.status = s.name
  group by s.name
  union all
  select 'cinder_pool_capacity_total_gb', json_object('name', name, 'volume_backend_name', backend, 'vendor_name', 'stackcast'), total
  from pool
  union all
  select 'cinder_pool_capacity_free_gb', json_object('name', name, 'volume_backend_name', backend, 'vendor_name', 'stackcast'),
         total - ifnull((select sum(size) from cinder.volumes v where v.host = p.name and v.deleted = 0), 0)
  from pool p
  union all
  select concat('cinder_limits_', if(q.resource = 'gigabytes', 'volume', 'backup'), '_', t.type, '_gb'),
         json_object('tenant', q.project_name, 'tenant_id', q.project_id), if(t.type = 'used', q.in_use, q.hard_limit)
  from quota q cross join (select 'used' type union all select 'max') t
  union all
  select 'cinder_volume_type_quota_gigabytes', json_object('tenant', p.name, 'tenant_id', p.id, 'volume_type', t.name),
         coalesce(own.hard_limit, class.hard_limit, -1)
  from project p
  cross join cinder.volume_types t
  left join cinder.quotas own on own.project_id = p.id and own.resource = concat('gigabytes_', t.name) and own.deleted = 0
  left join cinder.quota_classes class
    on class.class_name = 'default' and class.resource = concat('gigabytes_', t.name) and class.deleted = 0
  where t.deleted = 0
)
select concat('openstack_', family), labels, value from sample order by family, labels;
