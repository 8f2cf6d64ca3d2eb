-- Bare metal: what an exporter must show, told by Ironic's database; the form of the rows is nova.sql's.
with
node as (
  select n.*, json_value(extra, '$.system_vendor.serial_number') serial, json_value(extra, '$.ironic_self_healing_state') healing,
         json_value(driver_info, '$.deploy_kernel') kernel, json_value(driver_info, '$.deploy_ramdisk') ramdisk,
         (select group_concat(trait order by trait separator ' ') from ironic.node_traits t where t.node_id = n.id) traits
  from ironic.nodes n
),
sample (family, labels, value) as (
  select 'ironic_up', json_object(), 1
  union all
  select 'ironic_node',
         json_object(
           'id', uuid, 'name', ifnull(name, ''), 'provision_state', ifnull(provision_state, ''), 'power_state', ifnull(power_state, ''),
           'maintenance', if(maintenance, 'true', 'false'),
           -- on one line
           'maintenance_reason', trim(regexp_replace(ifnull(maintenance_reason, ''), '[\\n\\r]+', ' ')),
           'conductor_group', conductor_group, 'traits', ifnull(traits, ''), 'instance_uuid', ifnull(instance_uuid, ''),
           'lessee', ifnull(lessee, ''), 'last_error', trim(regexp_replace(ifnull(last_error, ''), '[\\n\\r]+', ' ')),
           'serial_number', ifnull(serial, ''), 'console_enabled', if(console_enabled, 'true', 'false'),
           'resource_class', ifnull(resource_class, ''), 'deploy_kernel', ifnull(kernel, ''), 'deploy_ramdisk', ifnull(ramdisk, ''),
           'retired', if(retired, 'true', 'false'), 'retired_reason', ifnull(retired_reason, ''),
           'ironic_self_healing_state', ifnull(healing, '')), 1
  from node
  union all
  select 'ironic_node_updated_at', json_object('id', uuid, 'name', ifnull(name, ''), 'provision_state', ifnull(provision_state, '')),
         timestampdiff(second, '1970-01-01', updated_at)
  from node where updated_at is not null
  union all
  select 'ironic_node_provision_updated_at',
         json_object('id', uuid, 'name', ifnull(name, ''), 'provision_state', ifnull(provision_state, '')),
         timestampdiff(second, '1970-01-01', provision_updated_at)
  from node where provision_updated_at is not null
)
select concat('openstack_', family), labels, value from sample order by family, labels;
