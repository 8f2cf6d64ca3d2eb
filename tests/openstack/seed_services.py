#!/usr/bin/env python3
"""Fills the services of services/ after seed.py. What exists by name is kept; dump.sh saves all of it but Swift's files.

usage: VENV/bin/python seed_services.py [NAME...]     NAME: heat, designate, ironic ...; without one, all that the catalog has
Through the APIs where that leads to a state without hardware behind it; the states that a worker would report are set in the
databases (the socket is below STACKCAST_OS_STATE).
"""
import os
import sys
import time
from urllib.parse import quote
import uuid

import openstack
import pymysql
from keystoneauth1.exceptions import catalog
from openstack.config import OpenStackConfig

STATE = os.environ.get('STACKCAST_OS_STATE') or os.path.join(os.environ.get('TMPDIR') or '/tmp', 'stackcast-openstack')
config = OpenStackConfig(config_files=[STATE + '/clouds.yaml'])
PROJECTS = {'acme': 'alice', 'globex': 'bob', 'initech': 'carol'}
ODD = 'odd "name" \\ für alle'
connections = {}


def conn(project=None):
    if project not in connections:
        base = config.get_one('admin')
        auth = dict(base.config['auth'])
        if project:
            auth.update(username=PROJECTS[project], project_name=project)
        connections[project] = openstack.connection.Connection(config=config.get_one('admin', auth=auth))
    return connections[project]


def call(service, method, path, body=None, project=None, headers=None):
    answer = conn(project).session.request(
        path, method, json=body, raise_exc=False, headers=headers or {},
        endpoint_filter={'service_type': service, 'interface': 'public', 'region_name': conn().config.region_name})
    if answer.status_code >= 400:
        sys.exit('%s %s %s: %d %s' % (service, method, path, answer.status_code, answer.text[:500]))
    return answer.json() if answer.content else None


def sql(database, *statements):
    with pymysql.connect(unix_socket=STATE + '/run/mysqld.sock', user='root', database=database, autocommit=True) as db:
        with db.cursor() as cursor:
            for statement in statements:
                cursor.execute(*((statement,) if isinstance(statement, str) else statement))
            return cursor.fetchall()


def wait(what, test, limit=60):
    end = time.time() + limit
    while not test():
        if time.time() > end:
            sys.exit('gave up after %d s: %s' % (limit, what))
        time.sleep(0.5)


def heat():
    template = {'heat_template_version': '2021-04-16', 'resources': {'word': {'type': 'OS::Heat::RandomString'}}}
    failing = dict(template, resources={'never': {'type': 'OS::Heat::TestResource', 'properties': {'fail': True}}})
    nested = dict(template, resources={'group': {'type': 'OS::Heat::ResourceGroup', 'properties': {
        'count': 2, 'resource_def': {'type': 'OS::Heat::RandomString'}}}})
    for project in PROJECTS:
        have = {s['stack_name'] for s in call('orchestration', 'GET', '/stacks', project=project)['stacks']}
        for name, body in (('web', template), ('batch', template), ('broken', failing), ('tree', nested)):
            if project + '-' + name not in have:
                call('orchestration', 'POST', '/stacks', {'stack_name': project + '-' + name, 'template': body, 'timeout_mins': 5,
                                                          'disable_rollback': True}, project)

    def working():
        return any(s['stack_status'].endswith('IN_PROGRESS')
                   for p in PROJECTS for s in call('orchestration', 'GET', '/stacks', project=p)['stacks'])
    wait('stacks are still in progress', lambda: not working())
    # what takes an outage of the engine, or another release, to see
    sql('heat', "update stack set action = 'DELETE', status = 'FAILED' where name = 'globex-batch'",
        "update stack set action = 'ROLLBACK', status = 'COMPLETE' where name = 'initech-batch'")


def designate():
    zones = {z['name'] for z in call('dns', 'GET', '/v2/zones', headers={'X-Auth-All-Projects': 'true'})['zones']}
    for project in PROJECTS:
        for n, zone in enumerate(('%s.example.org.' % project, 'lab.%s.example.net.' % project)):
            if zone in zones:
                continue
            made = call('dns', 'POST', '/v2/zones', {'name': zone, 'email': 'dns@example.org', 'type': 'PRIMARY'}, project)
            for name, kind, records in (('www.' + zone, 'A', ['192.0.2.%d' % (10 + n), '192.0.2.20']), (zone, 'MX', ['10 mail.' + zone]),
                                        ('txt.' + zone, 'TXT', ['"a \\"quoted\\" word"'])):
                call('dns', 'POST', '/v2/zones/%s/recordsets' % made['id'], {'name': name, 'type': kind, 'records': records}, project)
    # no worker reports that a zone is served, or that it cannot be
    sql('designate', "update zones set status = 'ACTIVE', action = 'NONE' where name like '%.example.org.'",
        "update records r join zones z on z.id = r.zone_id set r.status = 'ACTIVE', r.action = 'NONE' where z.name like '%.example.org.'",
        "update zones set status = 'ERROR' where name = 'lab.initech.example.net.'",
        "update records r join recordsets s on s.id = r.recordset_id set r.status = 'ERROR' where s.name = 'www.lab.initech.example.net.'")


def ironic():
    version = {'X-OpenStack-Ironic-API-Version': '1.82'}
    have = {n['name'] for n in call('baremetal', 'GET', '/v1/nodes', headers=version)['nodes']}
    for n in range(6):
        name = 'metal-%02d' % n
        if name in have:
            continue
        node = call('baremetal', 'POST', '/v1/nodes', dict(
            name=name, driver='fake-hardware', resource_class='gold' if n % 2 else 'silver',
            properties={'cpus': 64, 'memory_mb': 262144, 'local_gb': 900, 'cpu_arch': 'x86_64'},
            extra={'system_vendor': {'serial_number': 'SN-%04d' % n}} if n != 4 else {},
            driver_info={'deploy_kernel': 'file:///kernel', 'deploy_ramdisk': 'file:///ramdisk'} if n < 3 else {}), headers=version)['uuid']
        if n in (1, 2):
            for trait in ('CUSTOM_GPU', 'HW_CPU_X86_AVX2'):
                call('baremetal', 'PUT', '/v1/nodes/%s/traits/%s' % (node, trait), {}, headers=version)
        if n == 3:
            call('baremetal', 'PUT', '/v1/nodes/%s/maintenance' % node, {'reason': 'disk "sda"\n failing '}, headers=version)
        if n == 5:
            call('baremetal', 'PATCH', '/v1/nodes/' + node, [{'op': 'add', 'path': '/retired', 'value': True},
                                                             {'op': 'add', 'path': '/retired_reason', 'value': 'too old'}], headers=version)
    sql('ironic', "update nodes set provision_state = 'active', power_state = 'power on', instance_uuid = '%s' where name = 'metal-01'"
        % uuid.uuid5(uuid.NAMESPACE_DNS, 'metal-01'),
        "update nodes set provision_state = 'available', power_state = 'power off', provision_updated_at = utc_timestamp() where name = 'metal-00'",
        "update nodes set provision_state = 'clean failed', power_state = 'error', last_error = 'no route to the BMC',"
        " provision_updated_at = '2026-01-02 03:04:05' where name = 'metal-02'",
        "update nodes set console_enabled = 1, lessee = 'acme' where name = 'metal-04'")


def octavia():
    have = {b['name'] for b in call('load-balancer', 'GET', '/v2.0/lbaas/loadbalancers')['loadbalancers']}
    for project in PROJECTS:
        me = conn(project).identity.get('/auth/tokens', headers={'X-Subject-Token': conn(project).auth_token}).json()['token']['project']['id']
        subnet = conn().network.find_subnet(project + '-v4')
        for name in ('web', 'api'):
            if '%s-%s' % (project, name) in have:
                continue
            balancer = call('load-balancer', 'POST', '/v2.0/lbaas/loadbalancers', {'loadbalancer': dict(
                name='%s-%s' % (project, name), project_id=me, vip_subnet_id=subnet.id, provider='noop_driver')})['loadbalancer']['id']
            for kind, body in (('listeners', dict(name='http', protocol='HTTP', protocol_port=80, loadbalancer_id=balancer)),
                               ('pools', dict(name='members', protocol='HTTP', lb_algorithm='ROUND_ROBIN', loadbalancer_id=balancer))):
                sql('octavia', ("update load_balancer set provisioning_status = 'ACTIVE' where id = %s", (balancer,)))
                call('load-balancer', 'POST', '/v2.0/lbaas/' + kind, {kind[:-1]: body})
    # what a worker and a health manager would report, and the virtual machines that a provider "amphora" has
    sql('octavia', *("update %s set provisioning_status = 'ACTIVE', operating_status = 'ONLINE'" % table
                     for table in ('load_balancer', 'listener', 'pool')),
        "update load_balancer set operating_status = 'DEGRADED' where name = 'globex-web'",
        "update load_balancer set provisioning_status = 'ERROR', operating_status = 'ERROR' where name = 'initech-api'",
        "update pool p join load_balancer b on b.id = p.load_balancer_id set p.provisioning_status = 'PENDING_UPDATE',"
        " p.operating_status = 'NO_MONITOR' where b.name = 'acme-api'",
        "update load_balancer set provider = 'amphora', topology = 'ACTIVE_STANDBY' where name = 'acme-web'")
    if not sql('octavia', 'select 1 from amphora limit 1'):
        balancer = sql('octavia', "select id from load_balancer where name = 'acme-web'")[0][0]
        for n, (status, role, owner) in enumerate((('ALLOCATED', 'MASTER', balancer), ('ALLOCATED', 'BACKUP', balancer),
                                                   ('BOOTING', None, None), ('ERROR', None, None))):
            sql('octavia', ("insert into amphora (id, compute_id, status, role, load_balancer_id, lb_network_ip, ha_ip, cert_expiration,"
                            " cert_busy, created_at) values (%s, %s, %s, %s, %s, %s, %s, %s, 0, utc_timestamp())",
                            (str(uuid.uuid4()), str(uuid.uuid4()), status, role, owner, '198.18.0.%d' % (n + 1),
                             '10.1.0.100' if owner else None, '2027-01-0%d 12:00:00' % (n + 1) if n < 3 else None)))


def manila():
    kind = 'shared-file-system'
    version = {'X-OpenStack-Manila-API-Version': '2.60'}
    types = {t['name'] for t in call(kind, 'GET', '/types', headers=version)['share_types']}
    for name in ('default', 'archive'):
        if name not in types:
            call(kind, 'POST', '/types', {'share_type': {'name': name, 'share_type_access:is_public': True,
                                                         'extra_specs': {'driver_handles_share_servers': 'false'}}}, headers=version)
    for project in PROJECTS:
        have = {s['name'] for s in call(kind, 'GET', '/shares', project=project, headers=version)['shares']}
        for n, name in enumerate(('home', 'data', ODD)):
            if name not in have:
                call(kind, 'POST', '/shares', {'share': dict(name=name, size=10 * (n + 1), share_proto='CIFS' if n == 1 else 'NFS',
                                                             share_type='archive' if n == 1 else 'default')}, project, version)

    def working():
        return sql('manila', "select count(*) from share_instances where deleted = 'False' and status = 'creating'")[0][0]
    wait('shares are still being created', lambda: not working())
    sql('manila',
        "update share_instances set status = 'error' where share_id = (select min(id) from shares where display_name = 'data')",
        "update share_instances set status = 'shrinking_possible_data_loss_error' where share_id ="
        " (select max(id) from shares where display_name = 'data')")


def swift():
    for project in PROJECTS:
        for name, objects in (('backups', 3), ('empty', 0), (ODD, 1)):
            path = '/' + quote(name)
            call('object-store', 'PUT', path, project=project)
            for n in range(objects):
                answer = conn(project).session.put(path + '/object-%d' % n, data=b'x' * (1000 * n + len(project)),
                                                   endpoint_filter={'service_type': 'object-store', 'interface': 'public'})
                answer.raise_for_status()
    for name, size in (('logs', 4096), ('images', 0)):
        call('object-store', 'PUT', '/' + name)
        if size:
            conn().session.put('/%s/one' % name, data=b'y' * size, endpoint_filter={'service_type': 'object-store', 'interface': 'public'})


def ids(project, name):
    """The project's id, and one for a row of this name in it."""
    return dict(sql('keystone', 'select name, id from project where is_domain = 0'))[project], str(uuid.uuid5(uuid.NAMESPACE_DNS, project + name))


def magnum():
    if sql('magnum', 'select 1 from cluster limit 1'):
        return
    owner, template = ids('admin', 'template')
    sql('magnum', ("insert into cluster_template (uuid, name, project_id, user_id, coe, server_type, public, hidden, labels, created_at, image_id)"
                   " values (%s, 'k8s', %s, %s, 'kubernetes', 'vm', 1, 0, '{}', utc_timestamp(), 'none')", (template, owner, owner)))
    for n, (project, name, status, masters, workers) in enumerate((
            ('acme', 'prod', 'CREATE_COMPLETE', 3, 10), ('acme', 'dev', 'UPDATE_IN_PROGRESS', 1, 2), ('globex', 'prod', 'CREATE_FAILED', 1, 0),
            ('initech', 'Batch_1.x', 'DELETE_IN_PROGRESS', 1, 1))):
        owner, cluster = ids(project, name)
        sql('magnum', ("insert into cluster (uuid, name, project_id, user_id, cluster_template_id, stack_id, status, health_status, labels,"
                       " created_at) values (%s, %s, %s, %s, %s, %s, %s, 'HEALTHY', '{}', utc_timestamp())",
                       (cluster, name, owner, owner, template, str(uuid.uuid5(uuid.NAMESPACE_DNS, cluster)), status)))
        for role, count in (('master', masters), ('worker', workers)):
            sql('magnum', ("insert into nodegroup (uuid, name, cluster_id, project_id, node_count, role, is_default, status, node_addresses, labels,"
                           " created_at) values (%s, %s, %s, %s, %s, %s, 1, %s, '[]', '{}', utc_timestamp())",
                           (str(uuid.uuid5(uuid.NAMESPACE_DNS, cluster + role)), 'default-' + role, cluster, owner, count, role, status)))


def trove():
    if sql('trove', 'select 1 from instances limit 1'):
        return
    store, version = str(uuid.uuid4()), str(uuid.uuid4())
    sql('trove', ("insert into datastores (id, name, default_version_id) values (%s, 'mysql', %s)", (store, version)),
        ("insert into datastore_versions (id, datastore_id, name, image_id, packages, active, manager, version, registry_ext, repl_strategy)"
         " values (%s, %s, '8.4', 'none', '', 1, 'mysql', '8.4', '', '')", (version, store)))
    sql('trove', ("insert into clusters (id, created, updated, name, task_id, tenant_id, datastore_version_id, deleted) values"
                  " ('a-cluster', utc_timestamp(), utc_timestamp(), 'a-cluster', 1, %s, %s, 0)", (ids('initech', '')[0], version)))
    # task 1: none; 2: deleting; 5: building; 84: an error while building
    for n, (project, name, task, server, service, cluster) in enumerate((
            ('acme', 'orders', 1, 'ACTIVE', 1, None), ('acme', 'reports', 5, 'BUILD', 2, None), ('globex', 'orders', 84, 'ACTIVE', 4, None),
            ('initech', ODD, 1, 'VERIFY_RESIZE', 1, None), ('initech', 'member', 1, 'ACTIVE', 1, 'a-cluster'),
            ('globex', 'gone', 2, 'ACTIVE', 1, None))):
        owner, instance = ids(project, 'trove' + name)
        sql('trove', ("insert into instances (id, created, updated, name, task_id, flavor_id, volume_size, tenant_id, server_status, deleted,"
                      " datastore_version_id, cluster_id, region_id) values"
                      " (%s, utc_timestamp(), utc_timestamp(), %s, %s, '1', %s, %s, %s, %s, %s, %s, 'RegionOne')",
                      (instance, name, task, 5 * (n + 1), owner, server, name == 'gone', version, cluster)),
            ("insert into service_statuses (id, instance_id, status_id, status_description, updated_at) values (%s, %s, %s, '', utc_timestamp())",
             (str(uuid.uuid4()), instance, service)))


def gnocchi():
    have = {m['name'] for m in call('metric', 'GET', '/v1/metric')}
    policies = {p['name'] for p in call('metric', 'GET', '/v1/archive_policy')}
    policy = sorted(policies)[0] if 'low' not in policies else 'low'
    for name in ('cpu', 'memory', 'disk', 'gone'):
        if name not in have:
            metric = call('metric', 'POST', '/v1/metric', {'name': name, 'archive_policy_name': policy})['id']
            if name == 'gone':
                call('metric', 'DELETE', '/v1/metric/' + metric)


SERVICES = {'heat': heat, 'designate': designate, 'ironic': ironic, 'octavia': octavia, 'manila': manila, 'swift': swift, 'magnum': magnum,
            'trove': trove, 'gnocchi': gnocchi}
enabled = {s.name for s in conn().identity.services() if s.is_enabled}
for name in sys.argv[1:] or SERVICES:
    if name in enabled:
        t0 = time.time()
        SERVICES[name]()
        print('%-10s %.1f s' % (name, time.time() - t0), flush=True)
