"""Derives the same samples as truth/*.sql, but from the APIs, and prints where the two differ.

Run it after a change of truth/ or of constraints.txt: it shows that the SQL still says what these releases answer.
usage: VENV/bin/python py/check_truth.py CLOUDS_YAML <(./truth.sh)
"""
import collections
import datetime
import ipaddress
import json
import sys

import openstack
from openstack.config import OpenStackConfig

conn = openstack.connection.Connection(config=OpenStackConfig(config_files=[sys.argv[1]]).get_one('admin'))
STATUS = ('ACTIVE BUILD BUILD(spawning) DELETED ERROR HARD_REBOOT PASSWORD REBOOT REBUILD RESCUE RESIZE SHUTOFF SUSPENDED '
          'UNKNOWN VERIFY_RESIZE MIGRATING PAUSED REVERT_RESIZE SHELVED SHELVED_OFFLOADED SOFT_DELETED').split()
samples = {}


def get(service, path, version=None):
    headers = {'OpenStack-API-Version': '%s %s' % (service, version)} if version else {}
    answer = conn.session.get(path, endpoint_filter={'service_type': service, 'interface': 'public'}, headers=headers)
    return answer.json()


def pages(service, path, version, key, links):
    """All items of a list, and no fewer when the page size is small."""
    items = []
    while path:
        body = get(service, path, version)
        items += body[key]
        path = next((link['href'] for link in body.get(links, []) if link['rel'] == 'next'), None)
    return items


def put(family, value, **labels):
    key = ('openstack_' + family, json.dumps(labels, sort_keys=True))
    assert key not in samples, key
    samples[key] = float(value)


def text(value):
    return '' if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def nova():
    flavors = pages('compute', '/flavors/detail?is_public=None', '2.87', 'flavors', 'flavors_links')
    put('nova_flavors', len(flavors))
    for f in flavors:
        put('nova_flavor', 1, id=f['id'], name=f['name'], vcpus=text(f['vcpus']), ram=text(f['ram']), disk=text(f['disk']),
            is_public=text(f['os-flavor-access:is_public']))
    put('nova_availability_zones', len(get('compute', '/os-availability-zone', '2.87')['availabilityZoneInfo']))
    groups = 0  # this list is cut off at the page size, and has no links
    while more := get('compute', '/os-security-groups?all_tenants=1&offset=%d' % groups, '2.35')['security_groups']:
        groups += len(more)
    put('nova_security_groups', groups)
    for s in get('compute', '/os-services', '2.87')['services']:
        put('nova_agent_state', s['state'] == 'up', id=s['id'], hostname=s['host'], service=s['binary'], adminState=s['status'],
            zone=s['zone'], disabledReason=text(s['disabled_reason']))

    zones, names = {}, collections.defaultdict(list)
    for a in get('compute', '/os-aggregates', '2.87')['aggregates']:
        for host in a['hosts']:
            if a['availability_zone']:
                zones[host] = a['availability_zone']
            if list(a['metadata']) != ['availability_zone']:
                names[host].append(a['name'])
    host_labels = {}
    for h in pages('compute', '/os-hypervisors/detail', '2.87', 'hypervisors', 'hypervisors_links'):
        host = h['service']['host']
        labels = host_labels[h['hypervisor_hostname']] = dict(
            hostname=h['hypervisor_hostname'], availability_zone=zones.get(host, ''), aggregates=','.join(sorted(names[host])))
        topology = (h['cpu_info'] or {}).get('topology')
        put('nova_vcpus_available', max(topology.get('cells', 1), 1) * topology['sockets'] * topology['cores'] * topology['threads']
            if topology else h['vcpus'], **labels)
        put('nova_current_workload', h['current_workload'], **labels)
        put('nova_vcpus_used', h['vcpus_used'], **labels)
        put('nova_memory_available_bytes', h['memory_mb'] << 20, **labels)
        put('nova_memory_used_bytes', h['memory_mb_used'] << 20, **labels)
        put('nova_local_storage_available_bytes', h['local_gb'] << 30, **labels)
        put('nova_local_storage_used_bytes', h['local_gb_used'] << 30, **labels)
        put('nova_free_disk_bytes', h['free_disk_gb'] << 30, **labels)

    servers = pages('compute', '/servers/detail?all_tenants=1', '2.87', 'servers', 'servers_links')
    flavor_id = {f['name']: f['id'] for f in flavors}
    put('nova_total_vms', len(servers))
    running = collections.Counter()
    for s in servers:
        node = text(s['OS-EXT-SRV-ATTR:hypervisor_hostname'])
        put('nova_server_status', STATUS.index(s['status']) if s['status'] in STATUS else -1,
            id=s['id'], status=s['status'], name=s['name'], tenant_id=s['tenant_id'], user_id=s['user_id'],
            address_ipv4=s['accessIPv4'], address_ipv6=s['accessIPv6'], host_id=s['hostId'], hypervisor_hostname=node, uuid=s['id'],
            availability_zone=text(s['OS-EXT-AZ:availability_zone']), flavor_id=flavor_id.get(s['flavor']['original_name'], ''),
            instance_libvirt=text(s['OS-EXT-SRV-ATTR:instance_name']))
        if s['status'] == 'ACTIVE':
            running[node, s['tenant_id']] += 1
    for (node, project), count in running.items():
        put('nova_running_vms', count, tenant_id=project, **host_labels[node])
    # below 2.40 this list ends at the page size without a link
    for project in pages('compute', '/os-simple-tenant-usage?detailed=1', '2.40', 'tenant_usages', 'tenant_usages_links'):
        for s in project['server_usages']:
            put('nova_server_local_gb', s['local_gb'], name=s['name'], id=s['instance_id'], tenant_id=project['tenant_id'])


def quotas(project):
    tenant = {'tenant': project['name'], 'tenant_id': project['id']}
    for resource, figures in get('compute', '/os-quota-sets/%s/detail' % project['id'], '2.35')['quota_set'].items():
        if resource != 'id':
            for kind in ('in_use', 'reserved', 'limit'):
                put('nova_quota_' + resource, figures[kind], type=kind, **tenant)
    limits = get('compute', '/limits?tenant_id=' + project['id'], '2.87')['limits']['absolute']
    for family, field in (('vcpus_max', 'maxTotalCores'), ('vcpus_used', 'totalCoresUsed'), ('memory_max', 'maxTotalRAMSize'),
                          ('memory_used', 'totalRAMUsed'), ('instances_max', 'maxTotalInstances'),
                          ('instances_used', 'totalInstancesUsed')):
        put('nova_limits_' + family, limits[field], **tenant)


def identity():
    for kind in ('domains', 'users', 'groups', 'projects', 'regions'):
        put('identity_' + kind, len(get('identity', '/' + kind)[kind]))
    for d in get('identity', '/domains')['domains']:
        put('identity_domain_info', 1, **{k: text(d[k]) for k in ('description', 'enabled', 'id', 'name')})
    for p in get('identity', '/projects')['projects']:
        put('identity_project_info', 1, tags=','.join(p['tags']), **{
            k: text(p[k]) for k in ('is_domain', 'description', 'domain_id', 'enabled', 'id', 'name', 'parent_id')})
        quotas(p)


def placement():
    for r in get('placement', '/resource_providers', '1.39')['resource_providers']:
        base, host = '/resource_providers/%s/' % r['uuid'], r['name']
        inventories = get('placement', base + 'inventories', '1.39')
        for name, i in inventories['inventories'].items():
            labels = {'hostname': host, 'resourcetype': name}
            for field in ('total', 'allocation_ratio', 'reserved'):
                put('placement_resource_' + field, i[field], **labels)
            put('placement_resource_generation', inventories['resource_provider_generation'], **labels)
        for name, used in get('placement', base + 'usages', '1.39')['usages'].items():
            put('placement_resource_usage', used, hostname=host, resourcetype=name)
        for consumer, allocation in get('placement', base + 'allocations', '1.39')['allocations'].items():
            for name, used in allocation['resources'].items():
                put('placement_resource_provider_allocations', used, hostname=host, uuid=consumer, resourcetype=name)


NETWORK_STATUS = 'ACTIVE BUILD DOWN ERROR'.split()


def neutron_list(kind):
    return pages('network', '/v2.0/' + kind.replace('_', '-'), None, kind, kind + '_links')


def neutron():
    ips = neutron_list('floatingips')
    put('neutron_floating_ips', len(ips))
    put('neutron_floating_ips_associated_not_active', sum(bool(f['fixed_ip_address']) and f['status'] != 'ACTIVE' for f in ips))
    for f in ips:
        put('neutron_floating_ip', 1, router_id=text(f['router_id']), **{
            k: f[k] for k in ('id', 'floating_network_id', 'status', 'project_id', 'floating_ip_address')})
    networks = neutron_list('networks')
    put('neutron_networks', len(networks))
    for n in networks:
        put('neutron_network', NETWORK_STATUS.index(n['status']), id=n['id'], tenant_id=n['project_id'], status=n['status'], name=n['name'],
            is_shared=text(n['shared']), is_external=text(n['router:external']), mtu=text(n['mtu']), subnets=','.join(sorted(n['subnets'])),
            tags=','.join(sorted(n['tags'])), **{'provider_' + k: text(n.get('provider:' + k)) for k in
                                                 ('network_type', 'physical_network', 'segmentation_id')})
    put('neutron_security_groups', len(neutron_list('security_groups')))
    subnets = neutron_list('subnets')
    put('neutron_subnets', len(subnets))
    for s in subnets:
        put('neutron_subnet', 1, tenant_id=s['project_id'], gateway_ip=text(s['gateway_ip']), enable_dhcp=text(s['enable_dhcp']),
            dns_nameservers=','.join(s['dns_nameservers']), tags=','.join(sorted(s['tags'])), **{
                k: s[k] for k in ('id', 'name', 'network_id', 'cidr')})
    ports = neutron_list('ports')
    put('neutron_ports', len(ports))
    put('neutron_ports_no_ips', sum(p['status'] == 'ACTIVE' and not p['fixed_ips'] for p in ports))
    put('neutron_ports_lb_not_active', sum(p['device_owner'] == 'neutron:LOADBALANCERV2' and p['status'] != 'ACTIVE' for p in ports))
    for p in ports:
        put('neutron_port', 1, uuid=p['id'], binding_vif_type=p['binding:vif_type'], admin_state_up=text(p['admin_state_up']),
            fixed_ips=','.join(f['ip_address'] for f in p['fixed_ips']), **{
                k: p[k] for k in ('network_id', 'mac_address', 'device_owner', 'device_id', 'status')})
    routers = neutron_list('routers')
    put('neutron_routers', len(routers))
    put('neutron_routers_not_active', sum(r['status'] != 'ACTIVE' for r in routers))
    for r in routers:
        put('neutron_router', 1, admin_state_up=text(r['admin_state_up']),
            external_network_id=(r['external_gateway_info'] or {}).get('network_id', ''), **{
                k: r[k] for k in ('id', 'name', 'project_id', 'status')})
        for a in get('network', '/v2.0/routers/%s/l3-agents' % r['id'])['agents']:
            put('neutron_l3_agent_of_router', a['alive'], router_id=r['id'], l3_agent_id=a['id'], ha_state=text(a['ha_state']),
                agent_alive=text(a['alive']), agent_admin_up=text(a['admin_state_up']), agent_host=a['host'])
    for a in neutron_list('agents'):
        put('neutron_agent_state', a['alive'], id=a['id'], hostname=a['host'], service=a['binary'],
            adminState='up' if a['admin_state_up'] else 'down', availability_zone=text(a['availability_zone']))
    for n in neutron_list('network_ip_availabilities'):
        for s in n['subnet_ip_availability']:
            for kind in ('total', 'used'):
                put('neutron_network_ip_availabilities_' + kind, s['ip_availability_details'][kind + '_ips_in_allocation_pool'], network_id=n['network_id'],
                    network_name=n['network_name'], ip_version=text(s['ip_version']), cidr=s['cidr'], subnet_name=s['subnet_name'],
                    project_id=n['project_id'])
    for p in neutron_list('subnetpools'):
        inside = [ipaddress.ip_network(s['cidr']) for s in subnets if s['subnetpool_id'] == p['id']]
        for prefix in map(ipaddress.ip_network, p['prefixes']):
            free = [prefix]
            for s in (s for s in inside if s.subnet_of(prefix)):
                free = [part for f in free for part in (f.address_exclude(s) if s.subnet_of(f) else [f])]
            for length in range(max(int(p['min_prefixlen']), prefix.prefixlen), int(p['max_prefixlen']) + 1):
                labels = dict(ip_version=text(p['ip_version']), prefix=str(prefix), prefix_length=str(length), project_id=p['project_id'],
                              subnet_pool_id=p['id'], subnet_pool_name=p['name'])
                put('neutron_subnets_total', 2 ** (length - prefix.prefixlen), **labels)
                put('neutron_subnets_used', sum(s.prefixlen == length and s.subnet_of(prefix) for s in inside), **labels)
                put('neutron_subnets_free', sum(2 ** (length - f.prefixlen) for f in free if f.prefixlen <= length), **labels)
    for p in get('identity', '/projects')['projects']:
        for resource, figures in get('network', '/v2.0/quotas/%s/details.json' % p['id'])['quota'].items():
            if resource not in ('trunk', 'router_route'):  # families of no openstack-exporter
                for kind in ('used', 'reserved', 'limit'):
                    put('neutron_quota_' + resource, figures[kind], type=kind, tenant=p['name'], tenant_id=p['id'])


VOLUME_STATUS = ('creating available reserved attaching detaching in-use maintenance deleting awaiting-transfer error error_deleting '
                 'backing-up restoring-backup error_backing-up error_restoring error_extending downloading uploading retyping '
                 'extending').split()


def number(names, name):
    return names.index(name) if name in names else -1


def cinder():
    volumes = pages('block-storage', '/volumes/detail?all_tenants=true', None, 'volumes', 'volumes_links')
    put('cinder_volumes', len(volumes))
    counts = collections.Counter(v['status'] for v in volumes)
    for status in counts.keys() | set(VOLUME_STATUS):
        put('cinder_volume_status_counter', counts[status], status=status)
    for v in volumes:
        labels = dict(id=v['id'], name=text(v['name']), status=v['status'], bootable=v['bootable'],
                      tenant_id=v['os-vol-tenant-attr:tenant_id'], volume_type=text(v['volume_type']),
                      server_id=v['attachments'][0]['server_id'] if v['attachments'] else '')
        put('cinder_volume_gb', v['size'], availability_zone=text(v['availability_zone']), user_id=v['user_id'], **labels)
        put('cinder_volume_status', number(VOLUME_STATUS, v['status']), size=text(v['size']), **labels)
    put('cinder_snapshots', len(pages('block-storage', '/snapshots?all_tenants=true', None, 'snapshots', 'snapshots_links')))
    for s in get('block-storage', '/os-services')['services']:
        put('cinder_agent_state', s['state'] == 'up', uuid='', hostname=s['host'], service=s['binary'], adminState=s['status'],
            zone=s['zone'], disabledReason=text(s['disabled_reason']))
    for p in get('block-storage', '/scheduler-stats/get_pools?detail=true')['pools']:
        labels = {'name': p['name'], **{k: p['capabilities'][k] for k in ('volume_backend_name', 'vendor_name')}}
        for kind in ('free', 'total'):
            put('cinder_pool_capacity_%s_gb' % kind, p['capabilities'][kind + '_capacity_gb'], **labels)
    for p in get('identity', '/projects')['projects']:
        tenant = {'tenant': p['name'], 'tenant_id': p['id']}
        figures = get('block-storage', '/os-quota-sets/%s?usage=true' % p['id'])['quota_set']
        for kind, resource in (('volume', 'gigabytes'), ('backup', 'backup_gigabytes')):
            put('cinder_limits_%s_max_gb' % kind, figures[resource]['limit'], **tenant)
            put('cinder_limits_%s_used_gb' % kind, figures[resource]['in_use'], **tenant)
        for resource in figures:
            if resource.startswith('gigabytes_'):
                put('cinder_volume_type_quota_gigabytes', figures[resource]['limit'], volume_type=resource[10:], **tenant)


def glance():
    images = []
    for path in ('/v2/images', '/v2/images?os_hidden=true'):
        while path:  # its links are relative
            body = get('image', path)
            images += body['images']
            path = body.get('next')
    put('glance_images', len(images))
    for i in images:
        labels = dict(id=i['id'], name=text(i['name']), tenant_id=text(i['owner']))
        put('glance_image_bytes', i['size'] or 0, **labels)
        put('glance_image_created_at', datetime.datetime.fromisoformat(i['created_at']).timestamp(), visibility=i['visibility'],
            hidden=text(i['os_hidden']), status=i['status'], **labels)


def heat():
    actions = 'INIT CREATE DELETE UPDATE ROLLBACK SUSPEND RESUME ADOPT SNAPSHOT CHECK'.split()
    known = ['%s_%s' % (a, o) for a in actions for o in ('IN_PROGRESS', 'FAILED', 'COMPLETE')]
    stacks = get('orchestration', '/stacks?global_tenant=true')['stacks']
    counts = collections.Counter(s['stack_status'] for s in stacks)
    for status in counts.keys() | set(known):
        put('heat_stack_status_counter', counts[status], status=status)
    for s in stacks:
        put('heat_stack_status', number(known, s['stack_status']), id=s['id'], name=s['stack_name'], project_id=s['project'],
            status=s['stack_status'])


def designate():
    states = 'PENDING ACTIVE DELETED ERROR'.split()
    headers = {'X-Auth-All-Projects': 'true'}

    def everything(path, key):
        items, path = [], path + '?limit=1000'
        while path:
            body = conn.session.get(path, endpoint_filter={'service_type': 'dns', 'interface': 'public'}, headers=headers).json()
            items += body[key]
            path = body.get('links', {}).get('next')
        return items
    zones = everything('/v2/zones', 'zones')
    put('designate_zones', len(zones))
    for z in zones:
        put('designate_zone_status', number(states, z['status']), tenant_id=z['project_id'], **{
            k: z[k] for k in ('id', 'name', 'status', 'type')})
        sets = everything('/v2/zones/%s/recordsets' % z['id'], 'recordsets')
        put('designate_recordsets', len(sets), zone_id=z['id'], zone_name=z['name'], tenant_id=z['project_id'])
        for r in sets:
            put('designate_recordsets_status', number(states, r['status']), **{
                k: r[k] for k in ('id', 'name', 'status', 'zone_id', 'zone_name', 'type')})


def seconds(time):
    return datetime.datetime.fromisoformat(time).replace(microsecond=0).timestamp()


def line(words):
    return ' '.join(part for part in text(words).replace('\r', '\n').split('\n') if part).strip()


def ironic():
    answer = conn.session.get('/v1/nodes/detail?limit=1000', endpoint_filter={'service_type': 'baremetal', 'interface': 'public'},
                              headers={'X-OpenStack-Ironic-API-Version': '1.82'})
    for n in answer.json()['nodes']:
        short = dict(id=n['uuid'], name=text(n['name']), provision_state=text(n['provision_state']))
        put('ironic_node', 1, traits=' '.join(sorted(n['traits'])), maintenance_reason=line(n['maintenance_reason']),
            last_error=line(n['last_error']), serial_number=n['extra'].get('system_vendor', {}).get('serial_number', ''),
            ironic_self_healing_state=n['extra'].get('ironic_self_healing_state', ''),
            deploy_kernel=n['driver_info'].get('deploy_kernel', ''), deploy_ramdisk=n['driver_info'].get('deploy_ramdisk', ''), **short, **{
                k: text(n[k]) for k in ('power_state', 'maintenance', 'conductor_group', 'instance_uuid', 'lessee', 'console_enabled',
                                        'resource_class', 'retired', 'retired_reason')})
        for field in ('updated_at', 'provision_updated_at'):
            if n[field]:
                put('ironic_node_' + field, seconds(n[field]), **short)


def octavia():
    def everything(path, key):
        return pages('load-balancer', '/v2.0/' + path, None, key, key + '_links')
    balancers = everything('lbaas/loadbalancers', 'loadbalancers')
    put('loadbalancer_total_loadbalancers', len(balancers))
    states = 'ONLINE DRAINING OFFLINE ERROR NO_MONITOR'.split()
    for b in balancers:
        put('loadbalancer_loadbalancer_status', number(states, b['operating_status']), **{
            k: text(b[k]) for k in ('id', 'name', 'project_id', 'operating_status', 'provisioning_status', 'provider', 'vip_address')})
    amphorae = everything('octavia/amphorae', 'amphorae')
    put('loadbalancer_total_amphorae', len(amphorae))
    states = 'BOOTING ALLOCATED READY PENDING_CREATE PENDING_DELETE DELETED ERROR'.split()
    for a in amphorae:
        put('loadbalancer_amphora_status', number(states, a['status']),
            cert_expiration=a['cert_expiration'] + 'Z' if a['cert_expiration'] else '', **{
                k: text(a[k]) for k in ('id', 'loadbalancer_id', 'compute_id', 'status', 'role', 'lb_network_ip', 'ha_ip')})
    pools = everything('lbaas/pools', 'pools')
    put('loadbalancer_total_pools', len(pools))
    states = 'ACTIVE DELETED ERROR PENDING_CREATE PENDING_UPDATE PENDING_DELETE'.split()
    for p in pools:
        put('loadbalancer_pool_status', number(states, p['provisioning_status']),
            loadbalancers=','.join(b['id'] for b in p['loadbalancers']), **{
                k: text(p[k]) for k in ('id', 'provisioning_status', 'name', 'protocol', 'lb_algorithm', 'operating_status', 'project_id')})


def manila():
    known = ('creating available updating migrating migration_error extending deleting shrinking error error_deleting shrinking_error '
             'reverting_error restoring reverting managing unmanaging reverting_to_snapshot soft_deleting inactive').split()
    answer = conn.session.get('/shares/detail?all_tenants=1', headers={'X-OpenStack-Manila-API-Version': '2.60'},
                              endpoint_filter={'service_type': 'shared-file-system', 'interface': 'public'})
    shares = answer.json()['shares']
    put('sharev2_shares_counter', len(shares))
    counts = collections.Counter(s['status'] for s in shares)
    for status in counts.keys() | set(known):
        put('sharev2_share_status_counter', counts[status], status=status)
    for s in shares:
        labels = {k: text(s[k]) for k in ('id', 'name', 'status', 'share_type', 'share_proto', 'share_type_name', 'project_id')}
        put('sharev2_share_gb', s['size'], availability_zone=text(s['availability_zone']), **labels)
        put('sharev2_share_status', number(VOLUME_STATUS, s['status']), size=text(s['size']), **labels)


def swift():
    for c in get('object-store', '/?format=json'):
        put('object_store_objects', c['count'], container_name=c['name'])
        put('object_store_bytes', c['bytes'], container_name=c['name'])


def magnum():
    states = ('CREATE_COMPLETE CREATE_FAILED CREATE_IN_PROGRESS UPDATE_IN_PROGRESS UPDATE_FAILED UPDATE_COMPLETE DELETE_IN_PROGRESS '
              'DELETE_FAILED DELETE_COMPLETE RESUME_COMPLETE RESUME_FAILED RESTORE_COMPLETE ROLLBACK_IN_PROGRESS ROLLBACK_FAILED '
              'ROLLBACK_COMPLETE SNAPSHOT_COMPLETE CHECK_COMPLETE ADOPT_COMPLETE').split()
    clusters = get('container-infra', '/clusters')['clusters']
    put('container_infra_total_clusters', len(clusters))
    for c in clusters:
        project = get('container-infra', '/clusters/' + c['uuid'])['project_id']  # the list lacks it
        labels = dict(project_id=project, **{k: text(c[k]) for k in ('uuid', 'name', 'stack_id', 'status')})
        nodes, masters = text(c['node_count']), text(c['master_count'])
        put('container_infra_cluster_masters', c['master_count'], node_count=nodes, **labels)
        put('container_infra_cluster_nodes', c['node_count'], master_count=masters, **labels)
        put('container_infra_cluster_status', number(states, c['status']), node_count=nodes, master_count=masters, **labels)


def trove():
    states = 'NEW BUILD ACTIVE REBOOT RESIZE UPGRADE RESTART_REQUIRED PROMOTE EJECT DETACH SHUTDOWN BACKUP ERROR'.split()
    instances = get('database', '/mgmt/instances?include_clustered=False&deleted=False')['instances']
    put('trove_total_instances', len(instances))
    for i in instances:
        labels = dict(datastore_type=i['datastore']['type'], datastore_version=i['datastore']['version'],
                      health_status=i['operating_status'] or text(i['service_status']), region=text(i['region']),
                      **{k: text(i[k]) for k in ('id', 'name', 'status', 'tenant_id')})
        put('trove_instance_status', number(states, i['status']), **labels)
        put('trove_instance_volume_size_gb', i['volume']['size'], **labels)


def gnocchi():
    put('gnocchi_total_metrics', len(get('metric', '/v1/metric')))
    status = get('metric', '/v1/status?details=true')
    put('gnocchi_status_metricd_processors', len(status['metricd']['processors']))
    put('gnocchi_status_metric_having_measures_to_process', status['storage']['summary']['metrics'])
    put('gnocchi_status_measures_to_process', status['storage']['summary']['measures'])


# the prefix of the families of each service, and what derives them
SERVICES = {'nova': nova, 'identity': identity, 'placement': placement, 'neutron': neutron, 'cinder': cinder, 'glance': glance,
            'heat': heat, 'designate': designate, 'ironic': ironic, 'loadbalancer': octavia, 'sharev2': manila, 'object_store': swift,
            'container_infra': magnum, 'trove': trove, 'gnocchi': gnocchi}
catalog = {s.name for s in conn.identity.services() if s.is_enabled}
for name, derive in SERVICES.items():
    if derive.__name__ in catalog | {'identity'}:
        derive()
        put(name + '_up', 1)
truth = {}
with open(sys.argv[2]) as f:
    for line in f:
        family, labels, value = line.rstrip('\n').split('\t')
        key = (family, json.dumps(json.loads(labels), sort_keys=True))
        assert key not in truth, key
        truth[key] = float(value)
wrong = [k for k in sorted(truth.keys() | samples.keys()) if truth.get(k) != samples.get(k)]
for key in wrong:
    print(*key, 'truth:', truth.get(key), 'API:', samples.get(key))
families = len({family for family, _ in truth})
if wrong or not truth:
    sys.exit('%d of %d samples differ' % (len(wrong), len(truth)))
print('%d samples of %d families agree' % (len(truth), families))
