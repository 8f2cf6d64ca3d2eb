//! VPN services and their connections, where Neutron has the VPNaaS plugin.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::collect::decode::{bool_label, list, null_as_default};
use crate::collect::sight::Sight;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::error::{Error, ErrorKind};

crate::metrics! {
    /// Endpoint groups of VPNs.
    ENDPOINT_GROUPS = gauge "openstack_neutron_vpn_endpoint_groups" [], Count, "GET /v2.0/vpn/endpoint-groups";
    /// IKE policies of VPNs.
    IKE_POLICIES = gauge "openstack_neutron_vpn_ike_policies" [], Count, "GET /v2.0/vpn/ikepolicies";
    /// IPsec policies of VPNs.
    IPSEC_POLICIES = gauge "openstack_neutron_vpn_ipsec_policies" [], Count, "GET /v2.0/vpn/ipsecpolicies";
    /// VPN services of all projects.
    SERVICES = gauge "openstack_neutron_vpn_services" [], Count, "GET /v2.0/vpn/vpnservices";
    /// A VPN service, always 1.
    SERVICE = gauge "openstack_neutron_vpn_service" [id project_id subnet_id router_id admin_state_up name external_ipv4 external_ipv6 flavor_id], Info, "GET /v2.0/vpn/vpnservices";
    /// IPsec connections to other sites, of all projects.
    CONNECTIONS = gauge "openstack_neutron_vpn_siteconnections" [], Count, "GET /v2.0/vpn/ipsec-site-connections";
    /// An IPsec connection to another site, always 1.
    CONNECTION = gauge "openstack_neutron_vpn_siteconnection" [id project_id admin_state_up name vpn_service_id ike_policy_id ipsec_policy_id peer_id peer_ep_group_id local_id local_ep_group_id], Info,
        "GET /v2.0/vpn/ipsec-site-connections";
    /// Whether a VPN service or connection is ACTIVE (kind service, connection): 1, else 0.
    ACTIVE = gauge "openstack_neutron_vpn_active" [id kind status], Bool, "GET /v2.0/vpn/vpnservices, GET /v2.0/vpn/ipsec-site-connections";
}

#[derive(Deserialize)]
struct Service {
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    project_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    subnet_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    router_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    admin_state_up: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    external_v4_ip: String,
    #[serde(default, deserialize_with = "null_as_default")]
    external_v6_ip: String,
    #[serde(default, deserialize_with = "null_as_default")]
    flavor_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    status: String,
}

#[derive(Deserialize)]
struct Connection {
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    project_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    admin_state_up: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    vpnservice_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    ikepolicy_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    ipsecpolicy_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    peer_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    peer_ep_group_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    local_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    local_ep_group_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    status: String,
}

/// VPNs.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut part = PartBuilder::new();
            let services = match read::<Service>(cx, "vpn/vpnservices", "vpnservices").await {
                Ok(services) => services,
                // No such plugin: most clouds.
                Err(error) if error.kind == ErrorKind::NotFound => return Ok(part),
                Err(error) => return Err(error),
            };
            let connections = read(cx, "vpn/ipsec-site-connections", "ipsec_site_connections").await?;
            let mut sight = Sight::of(cx).await;
            services.iter().for_each(|service| sight.see(&service.project_id));
            connections.iter().for_each(|connection: &Connection| sight.see(&connection.project_id));
            sight.report(cx);
            for (path, key, metric) in [
                ("vpn/endpoint-groups", "endpoint_groups", &ENDPOINT_GROUPS),
                ("vpn/ikepolicies", "ikepolicies", &IKE_POLICIES),
                ("vpn/ipsecpolicies", "ipsecpolicies", &IPSEC_POLICIES),
            ] {
                sight.count(&mut part, metric, read::<IgnoredAny>(cx, path, key).await?.len());
            }
            emit(&services, &connections, &sight, &mut part);
            Ok(part)
        })
    }
}

async fn read<T: DeserializeOwned + Send>(cx: &Cx, path: &str, key: &str) -> Result<Vec<T>, Error> {
    let mut items = Vec::new();
    list(cx, Request::new(path), key, |item: T| items.push(item)).await?;
    Ok(items)
}

fn emit(services: &[Service], connections: &[Connection], sight: &Sight, part: &mut PartBuilder) {
    sight.count(part, &SERVICES, services.len());
    sight.count(part, &CONNECTIONS, connections.len());
    let active = |status: &str| f64::from(u8::from(status == "ACTIVE"));
    for service in services {
        let labels = [
            &*service.id,
            &service.project_id,
            &service.subnet_id,
            &service.router_id,
            bool_label(service.admin_state_up),
            &service.name,
            &service.external_v4_ip,
            &service.external_v6_ip,
            &service.flavor_id,
        ];
        part.put(&SERVICE, labels, 1.0);
        part.put(&ACTIVE, [&service.id, "service", &service.status], active(&service.status));
    }
    for connection in connections {
        let labels = [
            &*connection.id,
            &connection.project_id,
            bool_label(connection.admin_state_up),
            &connection.name,
            &connection.vpnservice_id,
            &connection.ikepolicy_id,
            &connection.ipsecpolicy_id,
            &connection.peer_id,
            &connection.peer_ep_group_id,
            &connection.local_id,
            &connection.local_ep_group_id,
        ];
        part.put(&CONNECTION, labels, 1.0);
        part.put(&ACTIVE, [&connection.id, "connection", &connection.status], active(&connection.status));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{only, rows, seal};

    #[test]
    fn services_and_connections_as_the_api_reference_shows_them() {
        let services = br#"{"vpnservices": [{"router_id": "r", "status": "PENDING_CREATE", "name": "myservice",
            "external_v6_ip": "2001:db8::1", "admin_state_up": true, "subnet_id": null, "project_id": "p", "tenant_id": "p",
            "external_v4_ip": "172.32.1.11", "id": "s", "description": "", "flavor_id": null}]}"#;
        let connections = br#"{"ipsec_site_connections": [{"status": "ACTIVE", "psk": "secret", "initiator": "bi-directional",
            "name": "vpnconnection1", "admin_state_up": true, "project_id": "p", "auth_mode": "psk", "peer_cidrs": [], "mtu": 1500,
            "peer_ep_group_id": "pg", "ikepolicy_id": "ike", "vpnservice_id": "s", "dpd": {}, "route_mode": "static",
            "ipsecpolicy_id": "ipsec", "local_ep_group_id": "lg", "peer_address": "172.24.4.226", "peer_id": "172.24.4.226",
            "id": "c", "description": "", "local_id": ""}]}"#;
        let services = recorded::<Service>(services, "vpnservices");
        let connections = recorded::<Connection>(connections, "ipsec_site_connections");
        let mut part = PartBuilder::new();
        emit(&services, &connections, &Sight::test(None), &mut part);
        let part = seal(part);
        assert_eq!((only(&part, &SERVICES), only(&part, &CONNECTIONS)), (1.0, 1.0));
        assert_eq!(rows(&part, &SERVICE)[0].0, "s|p||r|true|myservice|172.32.1.11|2001:db8::1|");
        assert_eq!(rows(&part, &CONNECTION)[0].0, "c|p|true|vpnconnection1|s|ike|ipsec|172.24.4.226|pg||lg");
        let states = rows(&part, &ACTIVE).into_iter().map(|(_, value)| value).collect::<Vec<_>>();
        assert_eq!(states, [0.0, 1.0]);
    }
}
