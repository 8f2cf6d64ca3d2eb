"""Derives the same samples as truth.sql, but from the APIs, and prints where the two differ.

Run it after a change of truth.sql or of constraints.txt: it shows that the SQL still says what these releases answer.
usage: VENV/bin/python py/check_truth.py CLOUDS_YAML <(./truth.sh)
"""
import collections
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


nova()
identity()
placement()
for name in ('nova', 'identity', 'placement'):
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
    print(*key, 'truth.sql:', truth.get(key), 'API:', samples.get(key))
families = len({family for family, _ in truth})
if wrong or not truth:
    sys.exit('%d of %d samples differ' % (len(wrong), len(truth)))
print('%d samples of %d families agree' % (len(truth), families))
