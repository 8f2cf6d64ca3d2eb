-- What an exporter must show for this cloud, told by the services' own databases: one row for each sample,
--   family <TAB> labels as a JSON object <TAB> value
-- One read-only statement, so that all of it is of one moment. Nothing here comes from an API or from stackcast.
-- The services' rules that are not in their tables (how a status follows from two columns, who counts against a quota)
-- are restated from Nova 34, Keystone 30 and Placement 16; where one is not obvious a comment says it.
with

-- ---- Nova: hosts ---------------------------------------------------------------------------------------------------
host_zone as ( -- a host is in one zone at most
  select h.host, min(m.value) zone
  from nova_api.aggregate_hosts h
  join nova_api.aggregate_metadata m on m.aggregate_id = h.aggregate_id and m.`key` = 'availability_zone'
  group by h.host
),
host_aggregates as ( -- an aggregate whose only metadata is the zone merely makes that zone, and is no label
  select h.host, group_concat(a.name order by binary a.name separator ',') names
  from nova_api.aggregate_hosts h
  join nova_api.aggregates a on a.id = h.aggregate_id
  where (select count(*) from nova_api.aggregate_metadata m where m.aggregate_id = a.id) <> 1
     or not exists (select 1 from nova_api.aggregate_metadata m
                    where m.aggregate_id = a.id and m.`key` = 'availability_zone')
  group by h.host
),
service as (
  select uuid, host, `binary`, disabled, disabled_reason, forced_down, last_seen_up, created_at, topic
  from nova_cell1.services where deleted = 0
  union all
  select uuid, host, `binary`, disabled, disabled_reason, forced_down, last_seen_up, created_at, topic
  from nova_cell0.services where deleted = 0
),
service_zone as (
  select s.*, if(s.topic = 'compute', ifnull(z.zone, 'nova'), 'internal') zone
  from service s left join host_zone z on z.host = s.host
),
hypervisor as (
  select c.*, json_object('hostname', c.hypervisor_hostname, 'availability_zone', ifnull(z.zone, ''),
                          'aggregates', ifnull(g.names, '')) labels
  from nova_cell1.compute_nodes c
  join service s on s.host = c.host and s.`binary` = 'nova-compute'
  left join host_zone z on z.host = c.host
  left join host_aggregates g on g.host = c.host
  where c.deleted = 0
),

-- ---- Nova: servers -------------------------------------------------------------------------------------------------
instance as ( -- cell0 holds the servers that found no host
  select id, uuid, project_id, user_id, display_name, vm_state, task_state, host, node, availability_zone, access_ip_v4,
         access_ip_v6, vcpus, memory_mb, deleted, hidden, launched_at, terminated_at, created_at, updated_at
  from nova_cell1.instances
  union all
  select id, uuid, project_id, user_id, display_name, vm_state, task_state, host, node, availability_zone, access_ip_v4,
         access_ip_v6, vcpus, memory_mb, deleted, hidden, launched_at, terminated_at, created_at, updated_at
  from nova_cell0.instances
),
instance_flavor as ( -- as it was when the server took it
  select instance_uuid uuid, json_value(flavor, '$.cur."nova_object.data".name') name,
         json_value(flavor, '$.cur."nova_object.data".root_gb') + json_value(flavor, '$.cur."nova_object.data".ephemeral_gb') local_gb
  from (select instance_uuid, flavor from nova_cell1.instance_extra
        union all
        select instance_uuid, flavor from nova_cell0.instance_extra) e
),
server as (
  select i.*,
    -- of the host that it is on; without one, what was asked for
    if(ifnull(i.host, '') = '', ifnull(i.availability_zone, ''), ifnull(z.zone, 'nova')) zone,
    case vm_state
      when 'active' then case
        when task_state in ('rebooting', 'reboot_pending', 'reboot_started') then 'REBOOT'
        when task_state in ('rebooting_hard', 'reboot_pending_hard', 'reboot_started_hard') then 'HARD_REBOOT'
        when task_state = 'updating_password' then 'PASSWORD'
        when task_state in ('rebuilding', 'rebuild_block_device_mapping', 'rebuild_spawning') then 'REBUILD'
        when task_state = 'migrating' then 'MIGRATING'
        when task_state in ('resize_prep', 'resize_migrating', 'resize_migrated', 'resize_finish') then 'RESIZE'
        else 'ACTIVE' end
      when 'stopped' then case
        when task_state in ('resize_prep', 'resize_migrating', 'resize_migrated', 'resize_finish') then 'RESIZE'
        when task_state in ('rebuilding', 'rebuild_block_device_mapping', 'rebuild_spawning') then 'REBUILD'
        else 'SHUTOFF' end
      when 'error' then if(task_state in ('rebuilding', 'rebuild_block_device_mapping', 'rebuild_spawning'), 'REBUILD', 'ERROR')
      when 'resized' then if(task_state = 'resize_reverting', 'REVERT_RESIZE', 'VERIFY_RESIZE')
      when 'paused' then if(task_state = 'migrating', 'MIGRATING', 'PAUSED')
      when 'building' then 'BUILD'
      when 'suspended' then 'SUSPENDED'
      when 'rescued' then 'RESCUE'
      when 'deleted' then 'DELETED'
      when 'shelved' then 'SHELVED'
      when 'shelved_offloaded' then 'SHELVED_OFFLOADED'
      else 'UNKNOWN'
    end status
  from instance i
  left join host_zone z on z.host = i.host
  where deleted = 0 and ifnull(hidden, 0) = 0 and ifnull(vm_state, '') <> 'soft-delete'
),

-- ---- Nova: quotas --------------------------------------------------------------------------------------------------
project as (select * from keystone.project where is_domain = 0),
quota_default (resource, hard_limit) as ( -- [quota] of templates/nova.conf, else Nova's own; nova-network's four are unlimited
  values ('instances', 100), ('cores', 400), ('ram', 1048576), ('server_groups', 20), ('server_group_members', 10),
         ('key_pairs', 100), ('metadata_items', 128), ('injected_files', 5), ('injected_file_content_bytes', 10240),
         ('injected_file_path_bytes', 255), ('fixed_ips', -1), ('floating_ips', -1), ('security_groups', -1),
         ('security_group_rules', -1)
),
quota_used as ( -- the others are not counted for a project and show 0
  select project_id, 'instances' resource, count(*) used from server group by project_id
  union all select project_id, 'cores', sum(vcpus) from server group by project_id
  union all select project_id, 'ram', sum(memory_mb) from server group by project_id
  union all select project_id, 'server_groups', count(*) from nova_api.instance_groups group by project_id
),
quota as (
  select p.id project_id, p.name project_name, d.resource, ifnull(u.used, 0) in_use,
         coalesce(own.hard_limit, class.hard_limit, d.hard_limit) hard_limit
  from project p
  cross join quota_default d
  left join nova_api.quotas own on own.project_id = p.id and own.resource = d.resource
  left join nova_api.quota_classes class on class.class_name = 'default' and class.resource = d.resource
  left join quota_used u on u.project_id = p.id and u.resource = d.resource
),

-- ---- Placement -----------------------------------------------------------------------------------------------------
inventory as (
  select r.name, r.generation, c.name class, i.total, i.reserved, i.allocation_ratio,
         (select ifnull(sum(a.used), 0) from placement.allocations a
          where a.resource_provider_id = i.resource_provider_id and a.resource_class_id = i.resource_class_id) used
  from placement.inventories i
  join placement.resource_providers r on r.id = i.resource_provider_id
  join placement.resource_classes c on c.id = i.resource_class_id
),

-- ---- the samples ---------------------------------------------------------------------------------------------------
sample (family, labels, value) as (
  select 'nova_up', json_object(), 1
  union all select 'identity_up', json_object(), 1
  union all select 'placement_up', json_object(), 1

  union all select 'nova_flavors', json_object(), count(*) from nova_api.flavors
  union all
  select 'nova_flavor', json_object('id', flavorid, 'name', name, 'vcpus', cast(vcpus as char), 'ram', cast(memory_mb as char),
                                    'disk', cast(root_gb as char), 'is_public', if(is_public, 'true', 'false')), 1
  from nova_api.flavors
  -- a zone of which every service is disabled is listed too, as not available
  union all
  select 'nova_availability_zones', json_object(), count(distinct zone) from service_zone where zone <> 'internal'
  -- Nova hands on what Neutron has (all_tenants=1, an admin, microversion < 2.36)
  union all select 'nova_security_groups', json_object(), count(*) from neutron.securitygroups
  union all select 'nova_total_vms', json_object(), count(*) from server
  -- the API's own services beat no heart and are not listed
  union all
  select 'nova_agent_state',
         json_object('id', uuid, 'hostname', host, 'service', `binary`, 'adminState', if(disabled, 'disabled', 'enabled'),
                     'zone', zone, 'disabledReason', ifnull(disabled_reason, '')),
         -- 30: service_down_time of templates/nova.conf
         not forced_down and abs(timestampdiff(second, ifnull(last_seen_up, created_at), utc_timestamp())) <= 30
  from service_zone where `binary` not in ('nova-osapi_compute', 'nova-metadata')

  union all
  select 'nova_running_vms', json_insert(h.labels, '$.tenant_id', s.project_id), count(*)
  from server s join hypervisor h on h.hypervisor_hostname = s.node
  where s.status = 'ACTIVE'
  group by h.hypervisor_hostname, h.labels, s.project_id
  union all select 'nova_current_workload', labels, ifnull(current_workload, 0) from hypervisor
  union all
  select 'nova_vcpus_available', labels,
         ifnull(greatest(ifnull(json_value(cpu_info, '$.topology.cells'), 1), 1) * json_value(cpu_info, '$.topology.sockets') *
                json_value(cpu_info, '$.topology.cores') * json_value(cpu_info, '$.topology.threads'), vcpus)
  from hypervisor
  union all select 'nova_vcpus_used', labels, vcpus_used from hypervisor
  union all select 'nova_memory_available_bytes', labels, memory_mb * 1048576 from hypervisor
  union all select 'nova_memory_used_bytes', labels, memory_mb_used * 1048576 from hypervisor
  union all select 'nova_local_storage_available_bytes', labels, local_gb * 1073741824 from hypervisor
  union all select 'nova_local_storage_used_bytes', labels, local_gb_used * 1073741824 from hypervisor
  union all select 'nova_free_disk_bytes', labels, free_disk_gb * 1073741824 from hypervisor

  union all
  select 'nova_server_status',
         json_object(
           'id', s.uuid, 'status', s.status, 'name', ifnull(s.display_name, ''), 'tenant_id', s.project_id, 'user_id', s.user_id,
           'address_ipv4', ifnull(s.access_ip_v4, ''), 'address_ipv6', ifnull(s.access_ip_v6, ''),
           -- Nova's hostId: the same host looks different to each project
           'host_id', if(ifnull(s.host, '') = '', '', sha2(concat(s.project_id, s.host), 224)),
           'hypervisor_hostname', ifnull(s.node, ''), 'uuid', s.uuid,
           'availability_zone', s.zone,
           -- servers/detail names the flavor only; none is left of this name when it was deleted
           'flavor_id', ifnull(f.flavorid, ''),
           'instance_libvirt', concat('instance-', lpad(lower(hex(s.id)), 8, '0'))),
         field(s.status, 'ACTIVE', 'BUILD', 'BUILD(spawning)', 'DELETED', 'ERROR', 'HARD_REBOOT', 'PASSWORD', 'REBOOT', 'REBUILD',
               'RESCUE', 'RESIZE', 'SHUTOFF', 'SUSPENDED', 'UNKNOWN', 'VERIFY_RESIZE', 'MIGRATING', 'PAUSED', 'REVERT_RESIZE',
               'SHELVED', 'SHELVED_OFFLOADED', 'SOFT_DELETED') - 1
  from server s
  left join instance_flavor i on i.uuid = s.uuid
  left join nova_api.flavors f on f.name = i.name
  union all
  select 'nova_servers', json_object('hostname', ifnull(node, ''), 'availability_zone', zone, 'status', status,
                                     'vm_state', vm_state, 'task_state', ifnull(task_state, '')), count(*)
  from server group by ifnull(node, ''), zone, status, vm_state, ifnull(task_state, '')
  union all select 'nova_build_requests', json_object(), count(*) from server where status = 'BUILD' and ifnull(host, '') = ''
  union all
  select 'nova_server_updated_timestamp_seconds',
         json_object('id', uuid, 'name', ifnull(display_name, ''), 'tenant_id', project_id, 'hostname', ifnull(node, ''),
                     'status', status, 'vm_state', vm_state, 'task_state', ifnull(task_state, '')),
         timestampdiff(second, '1970-01-01', ifnull(updated_at, created_at))
  from server
  where task_state is not null or status not in ('ACTIVE', 'SHUTOFF', 'PAUSED', 'SUSPENDED', 'SHELVED', 'SHELVED_OFFLOADED')
  union all
  select 'nova_server_groups', json_object('policy', ifnull(p.policy, '')), count(*)
  from nova_api.instance_groups g left join nova_api.instance_group_policy p on p.group_id = g.id
  group by ifnull(p.policy, '')
  -- os-simple-tenant-usage without a period asks for this very moment: launched, and not terminated
  union all
  select 'nova_server_local_gb', json_object('name', s.display_name, 'id', s.uuid, 'tenant_id', s.project_id), i.local_gb
  from instance s join instance_flavor i on i.uuid = s.uuid
  where s.launched_at < utc_timestamp() and s.terminated_at is null

  union all
  select concat('nova_quota_', q.resource), json_object('type', t.type, 'tenant', q.project_name, 'tenant_id', q.project_id),
         case t.type when 'in_use' then q.in_use when 'limit' then q.hard_limit else 0 end
  from quota q cross join (select 'in_use' type union all select 'reserved' union all select 'limit') t
  union all
  select concat('nova_limits_', if(q.resource = 'cores', 'vcpus', if(q.resource = 'ram', 'memory', 'instances')), '_', t.type),
         json_object('tenant', q.project_name, 'tenant_id', q.project_id), if(t.type = 'used', q.in_use, q.hard_limit)
  from quota q cross join (select 'used' type union all select 'max') t
  where q.resource in ('cores', 'ram', 'instances')

  -- Keystone keeps domains among the projects, below a hidden root; GET /projects leaves them out
  union all
  select 'identity_domains', json_object(), count(*) from keystone.project
  where is_domain = 1 and id <> '<<keystone.domain.root>>'
  union all
  select 'identity_domain_info', json_object('description', ifnull(description, ''), 'enabled', if(enabled, 'true', 'false'),
                                             'id', id, 'name', name), 1
  from keystone.project where is_domain = 1 and id <> '<<keystone.domain.root>>'
  union all select 'identity_projects', json_object(), count(*) from project
  union all
  select 'identity_project_info',
         json_object('is_domain', 'false', 'description', ifnull(description, ''), 'domain_id', domain_id,
                     'enabled', if(enabled, 'true', 'false'), 'id', id, 'name', name, 'parent_id', ifnull(parent_id, ''),
                     'tags', ifnull((select group_concat(t.name order by binary t.name separator ',')
                                     from keystone.project_tag t where t.project_id = p.id), '')), 1
  from project p
  union all select 'identity_users', json_object(), count(*) from keystone.user
  union all select 'identity_groups', json_object(), count(*) from keystone.`group`
  union all select 'identity_regions', json_object(), count(*) from keystone.region

  union all select 'placement_resource_total', json_object('hostname', name, 'resourcetype', class), total from inventory
  union all
  select 'placement_resource_allocation_ratio', json_object('hostname', name, 'resourcetype', class), allocation_ratio from inventory
  union all select 'placement_resource_generation', json_object('hostname', name, 'resourcetype', class), generation from inventory
  union all select 'placement_resource_reserved', json_object('hostname', name, 'resourcetype', class), reserved from inventory
  union all select 'placement_resource_usage', json_object('hostname', name, 'resourcetype', class), used from inventory
  union all
  select 'placement_resource_provider_allocations',
         json_object('hostname', r.name, 'uuid', a.consumer_id, 'resourcetype', c.name), a.used
  from placement.allocations a
  join placement.resource_providers r on r.id = a.resource_provider_id
  join placement.resource_classes c on c.id = a.resource_class_id
  union all
  select 'placement_resource_provider_info',
         json_object('hostname', r.name, 'parent', ifnull(parent.name, ''), 'root', root.name), 1
  from placement.resource_providers r
  left join placement.resource_providers parent on parent.id = r.parent_provider_id
  join placement.resource_providers root on root.id = r.root_provider_id
  union all
  select 'placement_resource_provider_trait_info', json_object('hostname', r.name, 'trait', t.name), 1
  from placement.resource_provider_traits h
  join placement.resource_providers r on r.id = h.resource_provider_id
  join placement.traits t on t.id = h.trait_id
  where t.name like 'CUSTOM\_%' or t.name = 'COMPUTE_STATUS_DISABLED'
  union all
  select 'placement_trait_resource_providers', json_object('trait', t.name), count(*)
  from placement.resource_provider_traits h join placement.traits t on t.id = h.trait_id
  group by t.name
)
select concat('openstack_', family), labels, value from sample order by family, labels;
