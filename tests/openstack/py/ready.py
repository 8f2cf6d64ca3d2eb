"""Waits until the services behind the APIs have reported in: an API answers long before.

usage: ready.py CLOUDS_YAML COMPUTES
"""
import sys
import time

import openstack
from openstack.config import OpenStackConfig

clouds_yaml, computes = sys.argv[1], int(sys.argv[2])
# 2.87: newer versions ask every compute for its uptime, and hang with one
conn = openstack.connection.Connection(
    config=OpenStackConfig(config_files=[clouds_yaml]).get_one('admin', compute_default_microversion='2.87'))
# pools: of the two Cinder backends; agents: one on each compute and four on the network node
WANTED = {'hypervisors': computes, 'providers': computes, 'control services': 2, 'pools': 3, 'volume services': 3,
          'agents': computes + 4}
LIMIT = 180


def counts():
    nova = [s for s in conn.compute.services() if s.state == 'up']
    return {'hypervisors': sum(h.state == 'up' for h in conn.compute.hypervisors(details=True)),
            'providers': len(list(conn.placement.resource_providers())),
            'control services': sum(s.binary in ('nova-conductor', 'nova-scheduler') for s in nova),
            'pools': len(list(conn.block_storage.backend_pools())),
            'volume services': sum(s.state == 'up' for s in conn.block_storage.services()),
            'agents': sum(bool(a.is_alive) for a in conn.network.agents())}


deadline = time.time() + LIMIT
while True:
    try:
        have = counts()
    except Exception as e:  # any answer of a service that still starts
        have = {'error': str(e)}
    if all(have.get(k, 0) >= v for k, v in WANTED.items()):
        sys.exit(0)
    if time.time() > deadline:
        sys.exit('not ready after %d s: have %s, want %s' % (LIMIT, have, WANTED))
    time.sleep(0.5)
