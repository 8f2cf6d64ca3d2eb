"""Plays Neutron's agents over the message bus: heartbeats, port wiring, DHCP, L3.

usage: fake_agents.py --config-file neutron.conf --config-file ml2_conf.ini   (env: FAKE_AGENT_HOSTS="a b c")
"""
from oslo_service import backend
backend.init_backend(backend.BackendType.THREADING)

import hashlib  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

from neutron.common import config  # noqa: E402
from neutron.conf.agent import common as agent_conf  # noqa: E402
from neutron_lib import constants as const  # noqa: E402
from neutron_lib import context as ctx  # noqa: E402
from neutron_lib import rpc  # noqa: E402
from neutron_lib.agent import topics  # noqa: E402
from oslo_config import cfg  # noqa: E402
from oslo_utils import timeutils  # noqa: E402
from oslo_utils import uuidutils  # noqa: E402
import oslo_messaging  # noqa: E402

COMPUTES = os.environ['FAKE_AGENT_HOSTS'].split()
NETHOST = 'network-01'
signal.signal(signal.SIGTERM, lambda *a: os._exit(0))

config.register_common_config_options()
agent_conf.register_agent_state_opts_helper(cfg.CONF)
config.init(sys.argv[1:])
config.setup_logging()
rpc.init(cfg.CONF)
context = ctx.get_admin_context_without_session()


def client(topic, version, namespace=None):
    return rpc.get_client(oslo_messaging.Target(topic=topic, version=version, namespace=namespace))


state_rpc = client(topics.REPORTS, '1.4', const.RPC_NAMESPACE_STATE)
plugin_rpc = client(topics.PLUGIN, '1.9')
dhcp_rpc = client(topics.PLUGIN, '1.0', const.RPC_NAMESPACE_DHCP_PLUGIN)
l3_rpc = client(topics.L3PLUGIN, '1.0')


def agents():
    for host in COMPUTES + [NETHOST]:
        yield {'binary': const.AGENT_PROCESS_OVS, 'agent_type': const.AGENT_TYPE_OVS, 'host': host,
               'topic': const.L2_AGENT_TOPIC,
               'configurations': {
                   'arp_responder_enabled': True, 'baremetal_smartnic': False,
                   'bridge_mappings': {'public': 'br-ex'}, 'datapath_type': 'system',
                   'devices': 0, 'enable_distributed_routing': False, 'extensions': [],
                   'in_distributed_mode': False, 'integration_bridge': 'br-int',
                   'l2_population': False, 'log_agent_heartbeats': False,
                   'ovs_capabilities': {'datapath_types': ['netdev', 'system'], 'iface_types': []},
                   'ovs_hybrid_plug': False, 'tunnel_types': ['vxlan'], 'tunneling_ip': '127.0.0.1',
                   'vhostuser_socket_dir': '/var/run/openvswitch'}}
    yield {'binary': const.AGENT_PROCESS_DHCP, 'agent_type': const.AGENT_TYPE_DHCP, 'host': NETHOST,
           'topic': topics.DHCP_AGENT, 'availability_zone': 'nova',
           'configurations': {'dhcp_driver': 'neutron.agent.linux.dhcp.Dnsmasq', 'dhcp_lease_duration': 86400,
                              'log_agent_heartbeats': False, 'networks': 0, 'ports': 0, 'subnets': 0}}
    yield {'binary': const.AGENT_PROCESS_L3, 'agent_type': const.AGENT_TYPE_L3, 'host': NETHOST,
           'topic': topics.L3_AGENT, 'availability_zone': 'nova',
           'configurations': {'agent_mode': 'legacy', 'ex_gw_ports': 0, 'extensions': [], 'floating_ips': 0,
                              'handle_internal_only_routers': True, 'interface_driver': 'openvswitch',
                              'interfaces': 0, 'log_agent_heartbeats': False, 'routers': 0}}
    yield {'binary': const.AGENT_PROCESS_METADATA, 'agent_type': const.AGENT_TYPE_METADATA, 'host': NETHOST,
           'topic': 'N/A', 'configurations': {'log_agent_heartbeats': False, 'metadata_proxy_socket': '/run/proxy',
                                              'nova_metadata_host': '127.0.0.1', 'nova_metadata_port': 8775}}


def report(first):
    for agent in agents():
        agent = dict(agent, uuid=uuidutils.generate_uuid())
        if first:
            agent['start_flag'] = True
        # A first report is waited for (shortly: before the server listens, messages are dropped, not queued).
        method = state_rpc.prepare(timeout=4).call if first else state_rpc.prepare().cast
        method(context, 'report_state', agent_state={'agent_state': agent},
               time=timeutils.utcnow().strftime(const.ISO8601_TIME_FORMAT))


def wire_ports():
    done = 0
    for host in COMPUTES + [NETHOST]:
        ports = plugin_rpc.prepare(version='1.7', timeout=30).call(
            context, 'get_ports_by_vnic_type_and_host', vnic_type='normal', host=host)
        new = [p for p in ports if p['status'] != 'ACTIVE' and p['admin_state_up']]
        if new:
            dhcp_rpc.prepare(version='1.5', timeout=30).call(
                context, 'dhcp_ready_on_ports', port_ids=[p['id'] for p in new])
            plugin_rpc.prepare(version='1.5', timeout=60).call(
                context, 'update_device_list', devices_up=[p['id'] for p in new], devices_down=[],
                agent_id='ovs-agent-' + host, host=host)
            print('wired', len(new), 'ports on', host, flush=True)
            done += len(new)
    return done


def serve_dhcp():
    done = 0
    for net in dhcp_rpc.prepare(version='1.1', timeout=30).call(context, 'get_active_networks_info', host=NETHOST):
        if any(p['device_owner'] == const.DEVICE_OWNER_DHCP for p in net['ports']):
            continue
        subnets = [s['id'] for s in net['subnets'] if s['enable_dhcp'] and s['ip_version'] == 4]
        if not subnets:
            continue
        device_id = 'dhcp' + hashlib.sha256(NETHOST.encode()).hexdigest()[:8] + '-' + net['id']
        dhcp_rpc.prepare(version='1.1', timeout=30).call(
            context, 'create_dhcp_port', host=NETHOST,
            port={'port': {'name': '', 'admin_state_up': True, 'device_id': device_id, 'network_id': net['id'],
                           'tenant_id': net.get('project_id') or net.get('tenant_id', ''), 'fixed_ips': [{'subnet_id': s} for s in subnets]}})
        print('dhcp port for', net['id'], flush=True)
        done += 1
    return done


def serve_l3():
    ids = l3_rpc.prepare(version='1.9', timeout=30).call(context, 'get_router_ids', host=NETHOST)
    if not ids:
        return 0
    done = 0
    for router in l3_rpc.prepare(timeout=60).call(context, 'sync_routers', host=NETHOST, router_ids=ids):
        fips = {f['id']: const.FLOATINGIP_STATUS_ACTIVE for f in router.get('_floatingips', [])
                if f['status'] != 'ACTIVE'}
        if fips:
            l3_rpc.prepare(version='1.1', timeout=30).call(
                context, 'update_floatingip_statuses', router_id=router['id'], fip_statuses=fips)
            print('activated', len(fips), 'floating IPs', flush=True)
            done += len(fips)
    return done


first, last_report = True, 0
while True:
    busy, work = False, []
    if time.time() - last_report > 8:
        work.append(lambda: report(first))
        last_report = time.time()
    for step in work + [serve_dhcp, serve_l3, wire_ports]:
        try:
            busy = bool(step()) or busy
        except Exception as e:
            print('retry:', type(e).__name__, e, flush=True)
            if first:
                last_report = 0
                break
    else:
        first = False
    # sync_routers and the port lists are dear: look often only while something happens
    time.sleep(1 if busy or first else 6)
