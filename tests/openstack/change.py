#!/usr/bin/env python3
"""Changes the running cloud, waits until its services have settled, and prints what it did: a test compares before and after.

usage: VENV/bin/python change.py [--clouds CLOUDS_YAML] [--cloud NAME] WHAT
  create         a server of project acme
  resize         takes that server from m1.small to m1.large, and confirms
  delete         deletes that server
  revoke-tokens  every service refuses the tokens that the user of --cloud (default: monitor-role) holds; new logins work
"""
import argparse
import os
import socket
import sys
import time

import openstack
from openstack.config import OpenStackConfig

SERVER, PROJECT, USER = 'stackcast-change', 'acme', 'alice'
LIMIT = 120
state = os.environ.get('STACKCAST_OS_STATE') or os.path.join(os.environ.get('TMPDIR') or '/tmp', 'stackcast-openstack')
parser = argparse.ArgumentParser(usage=__doc__.split('usage: ')[1])
parser.add_argument('--clouds', default=os.path.join(state, 'clouds.yaml'))
parser.add_argument('--cloud', default='monitor-role')
parser.add_argument('what', choices=('create', 'resize', 'delete', 'revoke-tokens'))
args = parser.parse_args()
if not os.path.exists(args.clouds):
    sys.exit('%s is missing: start the cloud with %s/up.sh' % (args.clouds, os.path.dirname(os.path.abspath(__file__))))
config = OpenStackConfig(config_files=[args.clouds])


def connect(cloud='admin', **auth):
    region = config.get_one(cloud)
    # 2.87: newer answers of os-hypervisors lack the figures that settled() reads
    options = {'compute_default_microversion': '2.87', 'placement_default_microversion': '1.39'}
    return openstack.connection.Connection(config=config.get_one(cloud, auth=dict(region.config['auth'], **auth), **options))


def wait(what, test):
    deadline = time.time() + LIMIT
    while not test():
        if time.time() > deadline:
            sys.exit('gave up after %d s: %s' % (LIMIT, what))
        time.sleep(0.5)


def settled():
    """Nothing is under way, and Nova's figures, which follow within update_resources_interval, are Placement's."""
    consumers = set()
    for h in admin.compute.hypervisors(details=True):
        base = '/resource_providers/%s/' % h.id
        used, inventories, allocations = (admin.placement.get(base + part).json()[part] for part in
                                          ('usages', 'inventories', 'allocations'))
        consumers.update(allocations)
        # Nova counts what is reserved for the host as used
        placement = [used[name] + inventories[name]['reserved'] for name in ('VCPU', 'MEMORY_MB', 'DISK_GB')]
        if [h.vcpus_used, h.memory_used, h.local_disk_used] != placement or h.current_workload:
            return False
    servers = list(admin.compute.servers(all_projects=True))
    # each server that is on a host holds an allocation; one whose resize is not confirmed, a second one
    holders = sum(bool(s.hypervisor_hostname) + (s.status == 'VERIFY_RESIZE') for s in servers)
    return len(consumers) == holders and not any(s.task_state for s in servers)


def find():
    return next((s for s in admin.compute.servers(all_projects=True, name='^%s$' % SERVER)), None)


def server():
    return find() or sys.exit('there is no server %s: call create first' % SERVER)


def status_is(wanted):
    now = server()
    if now.status == 'ERROR':
        sys.exit('%s went into ERROR: %s' % (SERVER, (now.fault or {}).get('message')))
    return now.status == wanted and now.task_state is None


def create():
    if find():
        sys.exit('there is a server %s already: call delete first' % SERVER)
    owner = connect(username=USER, project_name=PROJECT)
    owner.compute.create_server(name=SERVER, flavor_id=owner.compute.find_flavor('m1.small').id,
                                image_id=owner.image.find_image('cirros-tiny').id, networks='none')
    wait('the server is not ACTIVE', lambda: status_is('ACTIVE'))
    return 'created server %s on %s' % (server().id, server().hypervisor_hostname)


def resize():
    before = server()
    admin.compute.resize_server(before, admin.compute.find_flavor('m1.large'))
    wait('the server is not in VERIFY_RESIZE', lambda: status_is('VERIFY_RESIZE'))
    admin.compute.confirm_server_resize(before)
    wait('the resize is not confirmed', lambda: status_is('ACTIVE'))
    return 'resized server %s from m1.small on %s to m1.large on %s' % (
        before.id, before.hypervisor_hostname, server().hypervisor_hostname)


def delete():
    gone = server()
    admin.compute.delete_server(gone)
    wait('the server is still there', lambda: find() is None)
    return 'deleted server %s' % gone.id


def revoke_tokens():
    user = admin.identity.find_user(config.get_one(args.cloud).config['auth']['username'])
    old = connect(args.cloud)
    old.authorize()
    probe = admin.endpoint_for('compute') + '/flavors'

    def answer(cloud):
        return cloud.session.get(probe, raise_exc=False, allow_reauth=False).status_code

    admin.identity.delete('/users/%s/tokens' % user.id)
    # Services otherwise trust a token for up to five minutes more (keystonemiddleware's token_cache_time).
    with socket.create_connection(('127.0.0.1', 11211 + int(os.environ.get('STACKCAST_OS_OFFSET') or 10000))) as memcached:
        memcached.sendall(b'flush_all\r\n')
        memcached.recv(64)
    wait('the old token is still taken', lambda: answer(old) == 401)
    # Revocations count in whole seconds: a login of the same second is refused too.
    wait('no new token is taken', lambda: answer(connect(args.cloud)) == 200)
    return 'revoked the tokens of user %s' % user.name


admin = connect()
done = {'create': create, 'resize': resize, 'delete': delete, 'revoke-tokens': revoke_tokens}[args.what]()
if args.what != 'revoke-tokens':
    wait('the services have not settled', settled)
print(done)
