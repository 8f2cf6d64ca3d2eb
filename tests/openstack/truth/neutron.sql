-- Network: what an exporter must show, told by Neutron's database; the form of the rows is nova.sql's.
-- Rules that are not in the tables are restated from Neutron 29.
with
project as (select * from keystone.project where is_domain = 0),
tag as ( -- the API reads them by their primary key
  select standard_attr_id, group_concat(tag order by tag separator ',') tags from neutron.tags group by standard_attr_id
),
live_agent as ( -- 30: agent_down_time of templates/neutron.conf
  select *, abs(timestampdiff(second, heartbeat_timestamp, utc_timestamp())) <= 30 alive from neutron.agents
),

-- ---- addresses as strings of bits: a prefix of length n is their first n characters ----------------------------------
-- In the order of the pool's prefix; IPv6 numbers are too wide for the integers of this database.
subnet as (
  select s.*, substring_index(cidr, '/', -1) + 0 bits,
         if(ip_version = 4, lpad(bin(inet_aton(substring_index(cidr, '/', 1))), 32, '0'),
            concat(lpad(conv(substr(hex(inet6_aton(substring_index(cidr, '/', 1))), 1, 16), 16, 2), 64, '0'),
                   lpad(conv(substr(hex(inet6_aton(substring_index(cidr, '/', 1))), 17, 16), 16, 2), 64, '0'))) address
  from neutron.subnets s
),
pool_prefix as (
  select p.id pool_id, p.name, p.project_id, p.ip_version, p.min_prefixlen, p.max_prefixlen, x.cidr,
         substring_index(x.cidr, '/', -1) + 0 bits,
         if(p.ip_version = 4, lpad(bin(inet_aton(substring_index(x.cidr, '/', 1))), 32, '0'),
            concat(lpad(conv(substr(hex(inet6_aton(substring_index(x.cidr, '/', 1))), 1, 16), 16, 2), 64, '0'),
                   lpad(conv(substr(hex(inet6_aton(substring_index(x.cidr, '/', 1))), 17, 16), 16, 2), 64, '0'))) address
  from neutron.subnetpools p join neutron.subnetpoolprefixes x on x.subnetpool_id = p.id
),
pool_length as ( -- one row for each length of subnet that the pool gives out of the prefix
  select p.*, n.seq length,
         json_object('ip_version', cast(p.ip_version as char), 'prefix', p.cidr, 'prefix_length', cast(n.seq as char),
                     'project_id', ifnull(p.project_id, ''), 'subnet_pool_id', p.pool_id, 'subnet_pool_name', ifnull(p.name, '')) labels
  from pool_prefix p join neutron.seq_0_to_128 n on n.seq between greatest(p.min_prefixlen, p.bits) and p.max_prefixlen
),
pool_use as ( -- blocks of the length that a subnet covers or lies in; the subnets of a pool do not overlap
  select l.pool_id, l.cidr, l.length, sum(s.bits = l.length) used,
         sum(if(s.bits < l.length, pow(2, l.length - s.bits), 0))
           + count(distinct if(s.bits >= l.length, left(s.address, l.length), null)) blocks
  from pool_length l
  join subnet s on s.subnetpool_id = l.pool_id and left(s.address, l.bits) = left(l.address, l.bits)
  group by l.pool_id, l.cidr, l.length
),
number as ( -- the ends of the allocation pools, and as text that sorts as they do
  select id, subnet_id,
         if(first_ip like '%:%', conv(substr(hex(inet6_aton(first_ip)), 1, 16), 16, 10), 0) first_high,
         if(first_ip like '%:%', conv(substr(hex(inet6_aton(first_ip)), 17, 16), 16, 10), inet_aton(first_ip)) first_low,
         if(last_ip like '%:%', conv(substr(hex(inet6_aton(last_ip)), 1, 16), 16, 10), 0) last_high,
         if(last_ip like '%:%', conv(substr(hex(inet6_aton(last_ip)), 17, 16), 16, 10), inet_aton(last_ip)) last_low,
         hex(inet6_aton(first_ip)) first, hex(inet6_aton(last_ip)) last
  from neutron.ipallocationpools
),
availability as (
  select s.id, json_object('network_id', n.id, 'network_name', n.name, 'ip_version', cast(s.ip_version as char), 'cidr', s.cidr,
                           'subnet_name', s.name, 'project_id', ifnull(n.project_id, '')) labels,
         -- without an allocation pool, the whole network
         ifnull((select sum((cast(last_high as decimal(40)) - cast(first_high as decimal(40))) * 18446744073709551616
                            + cast(last_low as decimal(40)) - cast(first_low as decimal(40)) + 1)
                 from number where subnet_id = s.id), pow(2, if(s.ip_version = 4, 32, 128) - s.bits)) total,
         -- of the pools alone, as the total is: Neutron's used_ips would count the gateway too
         (select count(*) from neutron.ipallocations a
          where a.subnet_id = s.id and exists (select 1 from number n where n.subnet_id = s.id
                                                 and hex(inet6_aton(a.ip_address)) between n.first and n.last)) used
  from subnet s join neutron.networks n on n.id = s.network_id
),

-- ---- quotas ----------------------------------------------------------------------------------------------------------
quota_default (resource, hard_limit) as ( -- Neutron's own; templates/neutron.conf changes none
  values ('network', 100), ('subnet', 100), ('subnetpool', -1), ('port', 500), ('router', 10), ('floatingip', 50),
         ('security_group', 10), ('security_group_rule', 100), ('rbac_policy', 10)
),
quota_used as (
  select project_id, 'network' resource, count(*) used from neutron.networks group by project_id
  union all select project_id, 'subnet', count(*) from neutron.subnets group by project_id
  union all select project_id, 'subnetpool', count(*) from neutron.subnetpools group by project_id
  union all select project_id, 'port', count(*) from neutron.ports group by project_id
  union all select project_id, 'router', count(*) from neutron.routers group by project_id
  union all select project_id, 'floatingip', count(*) from neutron.floatingips group by project_id
  union all select project_id, 'security_group', count(*) from neutron.securitygroups group by project_id
  union all select project_id, 'security_group_rule', count(*) from neutron.securitygrouprules group by project_id
  union all
  select project_id, 'rbac_policy', count(*)
  from (select id, project_id from neutron.networkrbacs union all select id, project_id from neutron.qospolicyrbacs
        union all select id, project_id from neutron.securitygrouprbacs union all select id, project_id from neutron.subnetpoolrbacs
        union all select id, project_id from neutron.addressscoperbacs union all select id, project_id from neutron.addressgrouprbacs) r
  group by project_id
),
quota as (
  select p.id project_id, p.name project_name, d.resource, ifnull(u.used, 0) used, ifnull(q.`limit`, d.hard_limit) hard_limit,
         ifnull((select sum(r.amount) from neutron.reservations v join neutron.resourcedeltas r on r.reservation_id = v.id
                 where v.project_id = p.id and r.resource = d.resource and v.expiration > utc_timestamp()), 0) reserved
  from project p
  cross join quota_default d
  left join quota_used u on u.project_id = p.id and u.resource = d.resource
  left join neutron.quotas q on q.project_id = p.id and q.resource = d.resource
),

sample (family, labels, value) as (
  select 'neutron_up', json_object(), 1
  union all select 'neutron_floating_ips', json_object(), count(*) from neutron.floatingips
  union all
  select 'neutron_floating_ips_associated_not_active', json_object(), count(*)
  from neutron.floatingips where fixed_ip_address is not null and status <> 'ACTIVE'
  union all
  select 'neutron_floating_ip',
         json_object('id', id, 'floating_network_id', floating_network_id, 'router_id', ifnull(router_id, ''), 'status', status,
                     'project_id', ifnull(project_id, ''), 'floating_ip_address', floating_ip_address), 1
  from neutron.floatingips

  union all select 'neutron_networks', json_object(), count(*) from neutron.networks
  union all
  select 'neutron_network',
         json_object(
           'id', n.id, 'tenant_id', ifnull(n.project_id, ''), 'status', n.status, 'name', ifnull(n.name, ''),
           -- with everyone, or with the project that asks
           'is_shared', if(exists (select 1 from neutron.networkrbacs r
                                   where r.object_id = n.id and r.action = 'access_as_shared'
                                     and r.target_project in ('*', (select id from project where name = 'admin'))), 'true', 'false'),
           'is_external', if(exists (select 1 from neutron.externalnetworks e where e.network_id = n.id), 'true', 'false'),
           'provider_network_type', ifnull(s.network_type, ''), 'provider_physical_network', ifnull(s.physical_network, ''),
           'provider_segmentation_id', ifnull(cast(s.segmentation_id as char), ''),
           'subnets', ifnull((select group_concat(id order by id separator ',') from neutron.subnets where network_id = n.id), ''),
           'tags', ifnull(t.tags, ''), 'mtu', cast(n.mtu as char)),
         field(n.status, 'ACTIVE', 'BUILD', 'DOWN', 'ERROR') - 1
  from neutron.networks n
  left join neutron.networksegments s on s.network_id = n.id and s.is_dynamic = 0
  left join tag t on t.standard_attr_id = n.standard_attr_id

  union all select 'neutron_security_groups', json_object(), count(*) from neutron.securitygroups
  union all select 'neutron_subnets', json_object(), count(*) from neutron.subnets
  union all
  select 'neutron_subnet',
         json_object('id', s.id, 'tenant_id', ifnull(s.project_id, ''), 'name', ifnull(s.name, ''), 'network_id', s.network_id,
                     'cidr', s.cidr, 'gateway_ip', ifnull(s.gateway_ip, ''), 'enable_dhcp', if(s.enable_dhcp, 'true', 'false'),
                     'dns_nameservers', ifnull((select group_concat(address order by `order` separator ',')
                                                from neutron.dnsnameservers where subnet_id = s.id), ''),
                     'tags', ifnull(t.tags, '')), 1
  from neutron.subnets s left join tag t on t.standard_attr_id = s.standard_attr_id

  union all select 'neutron_ports', json_object(), count(*) from neutron.ports
  union all
  select 'neutron_ports_no_ips', json_object(), count(*) from neutron.ports p
  where status = 'ACTIVE' and not exists (select 1 from neutron.ipallocations a where a.port_id = p.id)
  union all
  select 'neutron_ports_lb_not_active', json_object(), count(*)
  from neutron.ports where device_owner = 'neutron:LOADBALANCERV2' and status <> 'ACTIVE'
  union all
  select 'neutron_port',
         json_object('uuid', p.id, 'network_id', p.network_id, 'mac_address', p.mac_address, 'device_owner', p.device_owner,
                     'device_id', p.device_id, 'status', p.status, 'binding_vif_type', ifnull(b.vif_type, ''),
                     'admin_state_up', if(p.admin_state_up, 'true', 'false'),
                     'fixed_ips', ifnull((select group_concat(ip_address order by ip_address, subnet_id separator ',')
                                          from neutron.ipallocations where port_id = p.id), '')), 1
  from neutron.ports p
  left join neutron.ml2_port_bindings b on b.port_id = p.id and b.status = 'ACTIVE' -- the other one of a migration is not shown

  union all select 'neutron_routers', json_object(), count(*) from neutron.routers
  union all select 'neutron_routers_not_active', json_object(), count(*) from neutron.routers where status <> 'ACTIVE'
  union all
  select 'neutron_router',
         json_object('id', r.id, 'name', ifnull(r.name, ''), 'project_id', ifnull(r.project_id, ''),
                     'admin_state_up', if(r.admin_state_up, 'true', 'false'), 'status', r.status,
                     'external_network_id', ifnull(g.network_id, '')), 1
  from neutron.routers r left join neutron.ports g on g.id = r.gw_port_id
  union all -- no router here is highly available: no ha_state
  select 'neutron_l3_agent_of_router',
         json_object('router_id', b.router_id, 'l3_agent_id', a.id, 'ha_state', '', 'agent_alive', if(a.alive, 'true', 'false'),
                     'agent_admin_up', if(a.admin_state_up, 'true', 'false'), 'agent_host', a.host), a.alive
  from neutron.routerl3agentbindings b join live_agent a on a.id = b.l3_agent_id
  union all
  select 'neutron_agent_state',
         json_object('id', id, 'hostname', host, 'service', `binary`, 'adminState', if(admin_state_up, 'up', 'down'),
                     'availability_zone', ifnull(availability_zone, '')), alive
  from live_agent

  union all select 'neutron_network_ip_availabilities_total', labels, total from availability
  union all select 'neutron_network_ip_availabilities_used', labels, used from availability
  union all select 'neutron_subnets_total', labels, pow(2, length - bits) from pool_length
  union all
  select 'neutron_subnets_used', l.labels, ifnull(u.used, 0)
  from pool_length l left join pool_use u on u.pool_id = l.pool_id and u.cidr = l.cidr and u.length = l.length
  union all
  select 'neutron_subnets_free', l.labels, pow(2, l.length - l.bits) - ifnull(u.blocks, 0)
  from pool_length l left join pool_use u on u.pool_id = l.pool_id and u.cidr = l.cidr and u.length = l.length

  union all
  select concat('neutron_quota_', q.resource), json_object('type', t.type, 'tenant', q.project_name, 'tenant_id', q.project_id),
         case t.type when 'used' then q.used when 'limit' then q.hard_limit else q.reserved end
  from quota q cross join (select 'used' type union all select 'reserved' union all select 'limit') t
)
select concat('openstack_', family), labels, value from sample order by family, labels;
