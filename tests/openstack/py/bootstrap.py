"""Fills an empty Keystone: service users, endpoints, and the users of clouds.yaml. Safe to run again.

usage: bootstrap.py CLOUDS_YAML "NAME TYPE URL"...
"""
import sys

import openstack
from openstack.config import OpenStackConfig

config = OpenStackConfig(config_files=[sys.argv[1]]).get_one('admin')
services = [item.split(' ') for item in sys.argv[2:]]
password = config.config['auth']['password']
conn = openstack.connection.Connection(config=config)
idn = conn.identity


def role(name):
    return idn.find_role(name) or idn.create_role(name=name)


def project(name):
    return idn.find_project(name) or idn.create_project(name=name, domain_id='default')


def user(name):
    return idn.find_user(name) or idn.create_user(name=name, password=password, domain_id='default')


admin_role, member, reader, service_role = (role(r) for r in ('admin', 'member', 'reader', 'service'))
service_project, admin_project, demo = project('service'), project('admin'), project('demo')
known = {s.name: s for s in idn.services()}
endpoints = {(e.service_id, e.interface) for e in idn.endpoints()}
for name, kind, url in services:
    if name != 'cinderv3':
        u = user(name)
        for r in (admin_role, service_role):
            idn.assign_project_role_to_user(service_project, u, r)
    svc = known.get(name) or idn.create_service(name=name, type=kind)
    for interface in ('public', 'internal', 'admin'):
        if (svc.id, interface) not in endpoints:
            idn.create_endpoint(service_id=svc.id, interface=interface, url=url, region_id=conn.config.region_name)

mon = user('monitoring')
idn.assign_project_role_to_user(admin_project, mon, reader)
idn.assign_project_role_to_user(demo, mon, reader)
idn.assign_system_role_to_user(mon, reader, 'all')
idn.assign_domain_role_to_user('default', mon, reader)
idn.assign_system_role_to_user(idn.find_user('admin'), admin_role, 'all')
for name, extra in (('reader-service', service_role), ('monitor-role', role('monitor'))):
    u = user(name)
    for r in (reader, extra):
        idn.assign_project_role_to_user(admin_project, u, r)
u = user('demo')
idn.assign_project_role_to_user(demo, u, member)
