#!/usr/bin/env python3
"""What still fits into the running cloud, from Placement and Nova themselves: a test compares.

usage: VENV/bin/python headroom.py [--clouds CLOUDS_YAML] WHAT
  prepare      fills most of the hosts; a trait, a custom resource class and flavors that ask for them
  placement    flavor, zone and instances, a line each: consumers are allocated what the first allocation candidate of each
               host of the zone says, until there is none; then all of these are deleted again
  boot FLAVOR  the same by booting servers in each zone until one ends in NoValidHost; these are deleted again
  clean        deletes what prepare made
"""
import argparse
import itertools
import math
import os
import re
import sys
import time
import uuid

import openstack
from openstack.config import OpenStackConfig

TRAIT, CLASS, CHILD = 'CUSTOM_STACKCAST', 'CUSTOM_STACKCAST_CARD', 'stackcast-card'
PREFIX, LIMIT, FILLER = 'stackcast.', 180, 'c1.xlarge'
state = os.environ.get('STACKCAST_OS_STATE') or os.path.join(os.environ.get('TMPDIR') or '/tmp', 'stackcast-openstack')
parser = argparse.ArgumentParser(usage=__doc__.split('usage: ')[1])
parser.add_argument('--clouds', default=os.path.join(state, 'clouds.yaml'))
parser.add_argument('what', choices=('prepare', 'placement', 'boot', 'clean'))
parser.add_argument('flavor', nargs='?')
args = parser.parse_args()
admin = openstack.connection.Connection(
    config=OpenStackConfig(config_files=[args.clouds]).get_one(
        'admin', compute_default_microversion='2.87', placement_default_microversion='1.36'))
compute, placement = admin.compute, admin.placement


def wait(what, test):
    deadline = time.time() + LIMIT
    while not test():
        if time.time() > deadline:
            sys.exit('gave up after %d s: %s' % (LIMIT, what))
        time.sleep(0.5)


def ok(answer):
    if answer.status_code >= 300:
        sys.exit('%s: %s %s' % (answer.url, answer.status_code, answer.text))
    return answer.json() if answer.content else {}


def hosts():
    """Hypervisors by zone; they are sorted, so that prepare and clean mean the same ones."""
    zones = {}
    named = {host: a.availability_zone for a in compute.aggregates() if a.availability_zone for host in a.hosts or []}
    for h in sorted(compute.hypervisors(details=True), key=lambda h: h.name):
        zones.setdefault(named.get(h.service_details['host'], ''), []).append(h)
    return zones


def children():
    return ok(placement.get('/resource_providers', params={'name': CHILD}))['resource_providers']


def fill():
    """Leaves a fifth of every host, so that counting what fits is soon done; the names are the same in each run."""
    query, project, user = request(compute.find_flavor(FILLER)), admin.current_project_id, admin.current_user_id
    for host in (h for zone in hosts().values() for h in usable(zone)):
        names = []
        while found := candidates(query, host):
            names.append(str(uuid.uuid5(uuid.UUID(host.id), str(len(names)))))
            if not allocate(found[0], names[-1:], project, user):
                sys.exit('a candidate that cannot be had: %s' % found[0])
        for name in names[len(names) * 4 // 5:]:
            ok(placement.delete('/allocations/' + name))


def unfill():
    for host in (h for zone in hosts().values() for h in zone):
        for number in itertools.count():
            if placement.delete('/allocations/%s' % uuid.uuid5(uuid.UUID(host.id), str(number))).status_code == 404:
                break


def provider(of, part, change):
    path = '/resource_providers/%s/%s' % (of, part)
    now = ok(placement.get(path))
    change(now)
    now = {name: now[name] for name in ('resource_provider_generation', 'traits', 'inventories') if name in now}
    ok(placement.put(path, json=now))


def prepare():
    clean()
    fill()
    ok(placement.put('/traits/' + TRAIT))
    ok(placement.put('/resource_classes/' + CLASS))
    first = next(iter(sorted(hosts().items())))[1][0]
    provider(first.id, 'traits', lambda now: now['traits'].append(TRAIT))
    # a provider of its own: nova-compute writes the inventories of its root anew
    child = {'uuid': str(uuid.uuid4()), 'name': CHILD, 'parent_provider_uuid': first.id}
    ok(placement.post('/resource_providers', json=child))
    card = {'total': 5, 'reserved': 1, 'min_unit': 1, 'max_unit': 2, 'step_size': 1, 'allocation_ratio': 1.0}
    provider(children()[0]['uuid'], 'inventories', lambda now: now['inventories'].update({CLASS: card}))
    provider(children()[0]['uuid'], 'traits', lambda now: now['traits'].append(TRAIT))
    for name, disk, extra in (
            ('required', 1, {'trait:' + TRAIT: 'required'}), ('forbidden', 1, {'trait:' + TRAIT: 'forbidden'}),
            ('custom', 1, {'resources:' + CLASS: '2'}), ('unit', 1, {'resources:' + CLASS: '3'}), ('diskless', 0, {}),
            ('group', 1, {'resources1:' + CLASS: '1', 'trait1:' + TRAIT: 'required'})):
        # 2 GiB: few enough to be booted
        f = compute.create_flavor(name=PREFIX + name, vcpus=1, ram=2048, disk=disk, is_public=True)
        if extra:
            compute.create_flavor_extra_specs(f, extra)


def clean():
    unfill()
    for f in compute.flavors():
        if f.name.startswith(PREFIX):
            compute.delete_flavor(f)
    for child in children():
        ok(placement.delete('/resource_providers/' + child['uuid']))
    for host in (h for zone in hosts().values() for h in zone):
        provider(host.id, 'traits', lambda now: now.update(traits=[t for t in now['traits'] if t != TRAIT]))


def request(f):
    """The query that Nova makes of a flavor (without what the test's flavors do not use)."""
    extra = compute.fetch_flavor_extra_specs(f).extra_specs
    disk = f.disk + (f.ephemeral or 0) + math.ceil((f.swap or 0) / 1024)
    groups = {'': {'VCPU': f.vcpus, 'MEMORY_MB': f.ram, 'DISK_GB': disk}}
    traits = {'': ['!COMPUTE_STATUS_DISABLED']}
    for key, value in extra.items():
        found = re.match(r'(resources|trait)([0-9]*):(.*)', key)
        if found and found[1] == 'resources':
            groups.setdefault(found[2], {})[found[3]] = int(value)
        elif found:
            traits.setdefault(found[2], []).append(('' if value == 'required' else '!') + found[3])
    query = {'limit': 1}
    for suffix, group in groups.items():
        query['resources' + suffix] = ','.join('%s:%d' % item for item in group.items() if item[1])
    for suffix, names in traits.items():
        query['required' + suffix] = ','.join(names)
    return query


def candidates(query, host):
    return ok(placement.get('/allocation_candidates', params=dict(query, in_tree=host.id)))['allocation_requests']


def allocate(candidate, consumers, project, user):
    """Gives a candidate's resources to each of these new consumers, all or none; whether they fit."""
    consumer = {'allocations': candidate['allocations'], 'mappings': candidate['mappings'], 'project_id': project,
                'user_id': user, 'consumer_generation': None}
    answer = placement.post('/allocations', json={name: consumer for name in consumers})
    if answer.status_code != 409:
        ok(answer)
    return answer.status_code != 409


def fits(query, members, project, user):
    """Allocates until no candidate is left on any of these hosts: many at once while there is room, in the end one by one."""
    made = []
    for host in members:
        count = 64
        while found := candidates(query, host):
            names = [str(uuid.uuid4()) for _ in range(count)]
            if allocate(found[0], names, project, user):
                made += names
            elif count == 1:
                sys.exit('a candidate that cannot be had: %s' % found[0])
            else:
                count //= 2
    for start in range(0, len(made), 64):
        # a consumer that was written once is of generation 1; without allocations it is forgotten
        nothing = {'allocations': {}, 'project_id': project, 'user_id': user, 'consumer_generation': 1}
        ok(placement.post('/allocations', json={consumer: nothing for consumer in made[start:start + 64]}))
    return len(made)


def usable(members):
    return [h for h in members if h.state == 'up' and h.status == 'enabled']


def tell_placement():
    project, user = admin.current_project_id, admin.current_user_id
    for f in compute.flavors(is_public=None):
        query = request(f)
        for zone, members in sorted(hosts().items()):
            print(f.name, zone, fits(query, usable(members), project, user), sep='\t')


def boot(name):
    f, image = compute.find_flavor(name), admin.image.find_image('cirros-tiny')
    for zone in sorted(hosts()):
        made, count = [], 0
        while True:
            made.append(compute.create_server(name='stackcast-headroom', flavor_id=f.id, image_id=image.id,
                                              networks='none', availability_zone=zone))
            wait('boot', lambda: compute.get_server(made[-1].id).status in ('ACTIVE', 'ERROR'))
            last = compute.get_server(made[-1].id)
            if last.status == 'ERROR':
                if 'No valid host' not in (last.fault or {}).get('message', ''):
                    sys.exit('another fault: %s' % last.fault)
                break
            count += 1
        for server in made:
            compute.delete_server(server)
        wait('deletion', lambda: not any(True for _ in compute.servers(name='^stackcast-headroom$')))
        print(name, zone, count, sep='\t')


{'prepare': prepare, 'clean': clean, 'placement': tell_placement, 'boot': lambda: boot(args.flavor)}[args.what]()
