//! Amphorae: the instances that do the balancing. Other providers (OVN) have none.

use serde::Deserialize;

use super::number;
use crate::collect::decode::{list, null_as_default};
use crate::collect::health::Visibility;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::clock::Timestamp;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::error::ErrorKind;

crate::metrics! {
    /// Amphorae of all load balancers, spare ones included.
    TOTAL = gauge "openstack_loadbalancer_total_amphorae" [], Count, "GET /v2.0/octavia/amphorae";
    /// Status of an amphora as a number: 0 BOOTING, 1 ALLOCATED, 2 READY, 3 PENDING_CREATE, 4 PENDING_DELETE, 5 DELETED, 6 ERROR, -1 any other.
    STATUS = gauge "openstack_loadbalancer_amphora_status" [id loadbalancer_id compute_id status role lb_network_ip ha_ip cert_expiration], State, "GET /v2.0/octavia/amphorae";
    /// When an amphora's certificate ends; Octavia's housekeeping renews it ahead of that.
    CERTIFICATE = gauge "openstack_loadbalancer_amphora_certificate_expiry_timestamp_seconds" [id loadbalancer_id], Timestamp, "GET /v2.0/octavia/amphorae";
}

/// openstack-exporter's numbers of statuses: places in this list.
const STATUSES: [&str; 7] = ["BOOTING", "ALLOCATED", "READY", "PENDING_CREATE", "PENDING_DELETE", "DELETED", "ERROR"];

/// What openstack-exporter shows where there is no certificate.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

#[derive(Deserialize)]
struct Item {
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    loadbalancer_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    compute_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    role: String,
    #[serde(default, deserialize_with = "null_as_default")]
    lb_network_ip: String,
    #[serde(default, deserialize_with = "null_as_default")]
    ha_ip: String,
    #[serde(default, deserialize_with = "null_as_default")]
    cert_expiration: String,
}

/// Amphorae.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut items = Vec::new();
            match list(cx, Request::new("octavia/amphorae"), "amphorae", |item: Item| items.push(item)).await {
                Ok(_) => Ok(emit(&items, cx.settings.compat)),
                // Administrators only, and not there at all with some vendors' load balancers.
                Err(error) if matches!(error.kind, ErrorKind::Forbidden | ErrorKind::NotFound) => {
                    cx.report.set_visibility(Visibility::None);
                    Ok(PartBuilder::new())
                }
                Err(error) => Err(error),
            }
        })
    }
}

fn emit(items: &[Item], compat: bool) -> PartBuilder {
    let mut part = PartBuilder::new();
    part.put(&TOTAL, [], items.len() as f64);
    for item in items {
        let expiry = Timestamp::parse(&item.cert_expiration);
        let shown = match expiry {
            Some(at) => at.to_string(),
            None if compat => NO_TIME.to_owned(),
            None => String::new(),
        };
        let labels = [
            &*item.id,
            &item.loadbalancer_id,
            &item.compute_id,
            &item.status,
            &item.role,
            &item.lb_network_ip,
            &item.ha_ip,
            &shown,
        ];
        part.put(&STATUS, labels, number(&STATUSES, &item.status));
        if let Some(at) = expiry {
            part.put(&CERTIFICATE, [&item.id, &item.loadbalancer_id], at.millis() as f64 / 1000.0);
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{only, rows, seal};

    const BODY: &[u8] = br#"{"amphorae": [{"id": "45f40289", "loadbalancer_id": "882f2a9d", "compute_id": "667bb225",
        "lb_network_ip": "192.168.0.6", "vrrp_ip": "10.0.0.6", "ha_ip": "10.0.0.7", "vrrp_port_id": "ab2a8add",
        "cert_expiration": "2020-08-08T23:44:31", "cert_busy": false, "role": "MASTER", "status": "ALLOCATED", "vrrp_id": 1},
        {"id": "7f890893", "loadbalancer_id": null, "compute_id": "9cd0f9a2", "lb_network_ip": null, "ha_ip": null,
        "cert_expiration": null, "role": null, "status": "BOOTING"}]}"#;

    #[test]
    fn amphorae_as_the_api_reference_shows_them() {
        let items = recorded::<Item>(BODY, "amphorae");
        let part = seal(emit(&items, false));
        assert_eq!(only(&part, &TOTAL), 2.0);
        let master = "45f40289|882f2a9d|667bb225|ALLOCATED|MASTER|192.168.0.6|10.0.0.7|2020-08-08T23:44:31Z";
        let spare = "7f890893||9cd0f9a2|BOOTING||||";
        assert_eq!(rows(&part, &STATUS), [(master.to_owned(), 1.0), (spare.to_owned(), 0.0)]);
        assert_eq!(rows(&part, &CERTIFICATE), [("45f40289|882f2a9d".to_owned(), 1_596_930_271.0)]);
        let compatible = seal(emit(&items, true));
        assert_eq!(rows(&compatible, &STATUS)[1].0, format!("{spare}{NO_TIME}"));
    }

    #[test]
    fn statuses_have_the_numbers_of_openstack_exporter() {
        let numbers = ["READY", "PENDING_CREATE", "PENDING_DELETE", "DELETED", "ERROR", "?"];
        assert_eq!(numbers.map(|status| number(&STATUSES, status)), [2.0, 3.0, 4.0, 5.0, 6.0, -1.0]);
    }
}
