#!/usr/bin/env python3
"""Changes the running cloud, waits until its services have settled, and prints what it did: a test compares before and after.

usage: VENV/bin/python change.py [--clouds CLOUDS_YAML] [--cloud NAME] WHAT
  create         a server of project acme
  resize         takes that server from m1.small to m1.large, and confirms
  delete         deletes that server
  more           a volume, a port, a floating IP and a hidden image of project acme; a stack, a share and a container where these
                 services run
  less           deletes those
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
parser.add_argument('what', choices=('create', 'resize', 'delete', 'more', 'less', 'revoke-tokens'))
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


def rest(service, method, path, body=None, **headers):
    headers = {name.replace('_', '-'): value for name, value in headers.items()}
    answer = admin.session.request(path, method, json=body, headers=headers,
                                   endpoint_filter={'service_type': service, 'interface': 'public'})
    return answer.json() if answer.content else {}


def running():
    return {s.name for s in admin.identity.services() if s.is_enabled}


def more():
    owner = connect(username=USER, project_name=PROJECT)
    volume = owner.block_storage.create_volume(name=SERVER, size=7, volume_type='bulk')
    port = owner.network.create_port(name=SERVER, network_id=owner.network.find_network(PROJECT + '-net').id)
    owner.network.create_ip(floating_network_id=owner.network.find_network('public').id, port_id=port.id, description=SERVER,
                            fixed_ip_address=next(f['ip_address'] for f in port.fixed_ips if ':' not in f['ip_address']))
    image = admin.image.create_image(name=SERVER, disk_format='raw', container_format='bare', data=b'x' * 77)
    admin.image.update_image(image, is_hidden=True)
    services = running()
    if 'heat' in services:
        rest('orchestration', 'POST', '/stacks', {'stack_name': SERVER, 'timeout_mins': 5, 'template': {
            'heat_template_version': '2021-04-16', 'resources': {'word': {'type': 'OS::Heat::RandomString'}}}})
        wait('the stack is in progress', lambda: rest('orchestration', 'GET', '/stacks/' + SERVER)['stack']['stack_status'] ==
             'CREATE_COMPLETE')
    if 'manila' in services:
        rest('shared-file-system', 'POST', '/shares', {'share': {'name': SERVER, 'size': 3, 'share_proto': 'NFS'}},
             X_OpenStack_Manila_API_Version='2.60')
        wait('the share is not available', lambda: all(s['status'] == 'available' for s in shares()))
    if 'swift' in services:
        rest('object-store', 'PUT', '/' + SERVER)
    wait('the volume is not available', lambda: owner.block_storage.get_volume(volume.id).status == 'available')
    return 'created a volume, a port, a floating IP, an image named ' + SERVER


def shares():
    return rest('shared-file-system', 'GET', '/shares/detail?name=' + SERVER, X_OpenStack_Manila_API_Version='2.60')['shares']


def less():
    for ip in admin.network.ips(description=SERVER):
        admin.network.delete_ip(ip)
    for port in admin.network.ports(name=SERVER):
        admin.network.delete_port(port)
    for volume in admin.block_storage.volumes(name=SERVER, all_projects=True):
        admin.block_storage.delete_volume(volume)
        admin.block_storage.wait_for_delete(volume)
    for image in admin.image.images(name=SERVER, is_hidden=True):
        admin.image.delete_image(image)
    services = running()
    if 'heat' in services:
        rest('orchestration', 'DELETE', '/stacks/' + SERVER)
        wait('the stack is still there', lambda: not rest('orchestration', 'GET', '/stacks?name=' + SERVER)['stacks'])
    if 'manila' in services:
        for share in shares():
            rest('shared-file-system', 'DELETE', '/shares/' + share['id'], X_OpenStack_Manila_API_Version='2.60')
        wait('the share is still there', lambda: not shares())
    if 'swift' in services:
        rest('object-store', 'DELETE', '/' + SERVER)
    return 'deleted what was named ' + SERVER


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
done = {'create': create, 'resize': resize, 'delete': delete, 'more': more, 'less': less, 'revoke-tokens': revoke_tokens}[args.what]()
if args.what != 'revoke-tokens':
    wait('the services have not settled', settled)
print(done)
