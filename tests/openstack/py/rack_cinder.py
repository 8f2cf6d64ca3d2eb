"""A volume driver that stores nothing, with finite pools. volume_driver = rack_cinder.RackVolumeDriver"""
from cinder.volume import driver

POOLS = {'fast': [('ssd-a', 4096), ('ssd-b', 2048)], 'bulk': [('hdd', 65536)]}


class RackVolumeDriver(driver.VolumeDriver):
    VERSION = '1.0'

    def check_for_setup_error(self):
        pass

    def do_setup(self, context):
        pass

    def _backend(self):
        return self.configuration.safe_get('volume_backend_name')

    def _update_volume_stats(self):
        pools = []
        for name, total in POOLS.get(self._backend(), [('pool', 1024)]):
            used = 0
            for vol in self._volumes():
                if vol.host.endswith('#' + name):
                    used += vol.size
            pools.append({
                'pool_name': name, 'total_capacity_gb': total, 'free_capacity_gb': total - used,
                'provisioned_capacity_gb': used, 'allocated_capacity_gb': used,
                'max_over_subscription_ratio': '20.0', 'reserved_percentage': 0,
                'thin_provisioning_support': True, 'thick_provisioning_support': False,
                'multiattach': True, 'QoS_support': False})
        self._stats = {'volume_backend_name': self._backend(), 'vendor_name': 'stackcast',
                       'driver_version': self.VERSION, 'storage_protocol': 'iSCSI', 'pools': pools}

    def _volumes(self):
        from cinder import context, objects
        return objects.VolumeList.get_all(context.get_admin_context(), filters={'host': self.host})

    def create_volume(self, volume):
        pass

    def delete_volume(self, volume):
        pass

    def clone_image(self, context, volume, image_location, image_meta, image_service):
        return {}, True

    def create_volume_from_snapshot(self, volume, snapshot):
        pass

    def create_cloned_volume(self, volume, src_vref):
        pass

    def create_snapshot(self, snapshot):
        pass

    def delete_snapshot(self, snapshot):
        pass

    def extend_volume(self, volume, new_size):
        pass

    def ensure_export(self, context, volume):
        pass

    def create_export(self, context, volume, connector):
        pass

    def remove_export(self, context, volume):
        pass

    def initialize_connection(self, volume, connector):
        return {'driver_volume_type': 'iscsi',
                'data': {'target_portal': '127.0.0.1:3260', 'target_iqn': 'iqn.2026-01.stackcast:' + volume.id,
                         'target_lun': 1, 'volume_id': volume.id, 'access_mode': 'rw'}}

    def terminate_connection(self, volume, connector, **kwargs):
        pass
