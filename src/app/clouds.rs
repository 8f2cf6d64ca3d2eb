//! From the configuration to clouds that can be logged in to.

use std::sync::Arc;

use super::Error;
use crate::config::{EndpointType, Settings, Wanted};
use crate::expose::ProbeRefusal;
use crate::model::clock::Clock;
use crate::openstack::client::Cloud;
use crate::openstack::clouds::{self, CloudConfig, CloudsError, Interface};
use crate::openstack::error::{Error as CallError, ErrorKind};

/// The configured clouds, and why some of them cannot be used.
pub(super) struct Opened {
    pub(super) clouds: Vec<Arc<Cloud>>,
    pub(super) faults: Vec<(String, CallError)>,
}

impl Opened {
    /// One broken cloud does not keep the others out of service, but nothing is served in silence when all are broken.
    pub(super) fn insist(self) -> Result<Vec<Arc<Cloud>>, Error> {
        for (cloud, fault) in &self.faults {
            tracing::error!(cloud, %fault, "cloud left out");
        }
        match self.faults.into_iter().next() {
            Some((cloud, fault)) if self.clouds.is_empty() => Err(Error::Cloud(cloud, fault)),
            _ => Ok(self.clouds),
        }
    }
}

pub(super) fn open_clouds(settings: &Settings, clock: &Clock) -> Result<Opened, Error> {
    let mut opened = Opened { clouds: Vec::new(), faults: Vec::new() };
    let wanted = settings.clouds.wanted(std::env::var("OS_CLOUD").ok().as_deref());
    let sources = clouds::Sources::of_process(settings.clouds.file.clone());
    let found = match clouds::Clouds::read(&sources) {
        Ok(found) => found,
        Err(CloudsError::Nothing { .. }) if wanted == Wanted::All => return Ok(opened),
        Err(error) => return Err(error.into()),
    };
    let unusable = |fault: CloudsError| CallError::new(ErrorKind::Config, "identity", "clouds.yaml", fault.to_string());
    let mut configs = Vec::new();
    match wanted {
        Wanted::All => {
            configs = found.usable;
            opened.faults.extend(found.faults.into_iter().map(|(name, fault)| (name, unusable(fault))));
        }
        Wanted::Named(names) => {
            for name in names {
                match found.clone().select(&name) {
                    Ok(config) => configs.push(config),
                    Err(unknown @ CloudsError::Unknown { .. }) => return Err(unknown.into()),
                    Err(fault) => opened.faults.push((name, unusable(fault))),
                }
            }
        }
    }
    for mut config in configs {
        let name = config.name.clone();
        choose_interface(&mut config, settings.clouds.endpoint_type);
        match Cloud::new(config, &settings.openstack, clock.clone()) {
            Ok(cloud) => opened.clouds.push(cloud),
            Err(fault) => opened.faults.push((name, fault)),
        }
    }
    Ok(opened)
}

/// A single cloud of clouds.yaml, by name.
pub(super) fn open_one(settings: &Settings, name: &str, clock: &Clock) -> Result<Arc<Cloud>, ProbeRefusal> {
    let unusable = |fault: String| ProbeRefusal::Unusable(name.to_owned(), fault);
    let found = clouds::Clouds::read(&clouds::Sources::of_process(settings.clouds.file.clone()));
    let mut config = match found.and_then(|found| found.select(name)) {
        Ok(config) => config,
        // Which names there are is not for everybody who reaches the port.
        Err(CloudsError::Unknown { .. } | CloudsError::Nothing { .. }) => {
            let remedy = "clouds.yaml has none of that name".to_owned();
            return Err(ProbeRefusal::Unknown { cloud: name.to_owned(), remedy });
        }
        Err(fault) => return Err(unusable(fault.to_string())),
    };
    choose_interface(&mut config, settings.clouds.endpoint_type);
    Cloud::new(config, &settings.openstack, clock.clone()).map_err(|fault| unusable(fault.to_string()))
}

fn choose_interface(config: &mut CloudConfig, endpoint_type: Option<EndpointType>) {
    config.interface = match endpoint_type {
        Some(EndpointType::Public) => Interface::Public,
        Some(EndpointType::Internal) => Interface::Internal,
        Some(EndpointType::Admin) => Interface::Admin,
        None => config.interface,
    };
}
