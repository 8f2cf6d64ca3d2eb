"""Fake hypervisors for nova-compute. compute_driver = rack_nova.RackDriver

nova.virt.fake.FakeDriver takes a new random node uuid at each start (a second
start of the same host is then refused) and forgets its instances. These keep
the uuid, and answer for instances that they no longer know.
"""
import uuid

from nova.compute import power_state
from nova.virt import fake
from nova.virt import hardware


class Instances(dict):
    """Takes up each instance that it is asked for: those of before a restart."""

    def __contains__(self, key):
        return True

    def __missing__(self, key):
        self[key] = fake.FakeInstance(key, power_state.RUNNING, key)
        return self[key]

    def __delitem__(self, key):
        self.pop(key, None)


class RackDriver(fake.FakeDriver):
    vcpus = 32
    memory_mb = 131072
    local_gb = 2000

    def __init__(self, virtapi, read_only=False):
        super().__init__(virtapi, read_only)
        self.instances = Instances()

    def _uuid(self, nodename):
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, nodename))

    def get_available_resource(self, nodename):
        resources = super().get_available_resource(nodename)
        if resources:
            resources['uuid'] = self._uuid(nodename)
        return resources

    def get_nodenames_by_uuid(self, refresh=False):
        return {self._uuid(n): n for n in self.get_available_nodes()}

    def get_host_uptime(self):
        # as uptime(1) prints it; the API takes the part after "up" apart for its own answer at 2.88 and newer
        return ' 12:34:56 up 21 days,  3:04,  2 users,  load average: 0.42, 0.37, 0.31'

    def get_info(self, instance, use_cache=True):
        if instance.uuid in self.instances.keys():
            return super().get_info(instance, use_cache)
        return hardware.InstanceInfo(state=instance.power_state or power_state.RUNNING)


class BigRackDriver(RackDriver):
    vcpus = 128
    memory_mb = 1048576
    local_gb = 20000
