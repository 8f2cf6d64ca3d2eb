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
                put('neutron_network_ip_availabilities_' + kind, s[kind + '_ips'], network_id=n['network_id'],
                    network_name=n['network_name'], ip_version=text(s['ip_version']), cidr=s['cidr'], subnet_name=s['subnet_name'],
                    project_id=n['project_id'])
    for p in neutron_list('subnetpools'):
        inside = [ipaddress.ip_network(s['cidr']) for s in subnets if s['subnetpool_id'] == p['id']]
        for prefix in map(ipaddress.ip_network, p['prefixes']):
            free = [prefix]
            for s in (s for s in inside if s.subnet_of(prefix)):
                free = [part for f in free for part in (f.address_exclude(s) if s.subnet_of(f) else [f])]
            for length in range(max(p['min_prefixlen'], prefix.prefixlen), p['max_prefixlen'] + 1):
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
    images, path = [], '/v2/images'
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


# the prefix of the families and what derives them, for each file of truth/ or part of it
SERVICES = {'nova': nova, 'identity': identity, 'placement': placement, 'neutron': neutron, 'cinder': cinder, 'glance': glance}
for name, derive in SERVICES.items():
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
