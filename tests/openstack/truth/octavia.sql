-- Load balancing: what an exporter must show, told by Octavia's database; the form of the rows is nova.sql's.
with
balancer as (
  select b.*, ifnull(v.ip_address, '') address
  from octavia.load_balancer b left join octavia.vip v on v.load_balancer_id = b.id
  where b.provisioning_status <> 'DELETED'
),
amphora as (select * from octavia.amphora where status <> 'DELETED'),
pool as (select * from octavia.pool where provisioning_status <> 'DELETED'),
sample (family, labels, value) as (
  select 'loadbalancer_up', json_object(), 1
  union all select 'loadbalancer_total_loadbalancers', json_object(), count(*) from balancer
  union all select 'loadbalancer_total_amphorae', json_object(), count(*) from amphora
  union all select 'loadbalancer_total_pools', json_object(), count(*) from pool
  union all
  select 'loadbalancer_loadbalancer_status',
         json_object('id', id, 'name', ifnull(name, ''), 'project_id', ifnull(project_id, ''), 'operating_status', operating_status,
                     'provisioning_status', provisioning_status, 'provider', ifnull(provider, ''), 'vip_address', address),
         field(operating_status, 'ONLINE', 'DRAINING', 'OFFLINE', 'ERROR', 'NO_MONITOR') - 1
  from balancer
  union all
  select 'loadbalancer_amphora_status',
         json_object('id', id, 'loadbalancer_id', ifnull(load_balancer_id, ''), 'compute_id', ifnull(compute_id, ''), 'status', status,
                     'role', ifnull(role, ''), 'lb_network_ip', ifnull(lb_network_ip, ''), 'ha_ip', ifnull(ha_ip, ''),
                     'cert_expiration', ifnull(date_format(cert_expiration, '%Y-%m-%dT%H:%i:%sZ'), '')),
         field(status, 'BOOTING', 'ALLOCATED', 'READY', 'PENDING_CREATE', 'PENDING_DELETE', 'DELETED', 'ERROR') - 1
  from amphora
  union all
  select 'loadbalancer_pool_status',
         json_object('id', id, 'provisioning_status', provisioning_status, 'name', ifnull(name, ''),
                     'loadbalancers', ifnull(load_balancer_id, ''), 'protocol', protocol, 'lb_algorithm', lb_algorithm,
                     'operating_status', operating_status, 'project_id', ifnull(project_id, '')),
         field(provisioning_status, 'ACTIVE', 'DELETED', 'ERROR', 'PENDING_CREATE', 'PENDING_UPDATE', 'PENDING_DELETE') - 1
  from pool
)
select concat('openstack_', family), labels, value from sample order by family, labels;
