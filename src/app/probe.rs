//! Clouds asked for one by one: finds a cloud or begins to collect it, waits for its first collection, and keeps the
//! page of what was asked for, so that the next probe renders only what has changed.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::clouds::open_one;
use super::running::App;
use crate::collect::health::CollectorHealth;
use crate::collect::{SERVICES, Settings};
use crate::expose::{Exposition, ProbeRefusal, ProbeRequest, View};
use crate::model::part::PartKey;
use crate::openstack::client::Cloud;

/// How often a first collection is looked at while a probe waits for it.
const LOOK: Duration = Duration::from_millis(50);
/// Pages kept; with more, those go that were not asked for longest.
const PAGES_MAX: usize = 64;

/// Pages by what was asked for, and when that was last.
pub(super) type Pages = BTreeMap<ProbeRequest, (Arc<Exposition>, Instant)>;

impl App {
    /// The page of a cloud.
    pub(super) async fn probe(self: Arc<Self>, asked: ProbeRequest) -> Result<Arc<Exposition>, ProbeRefusal> {
        check_services(&asked)?;
        if !self.serves(&asked.cloud) {
            self.take_up(&asked.cloud).await?;
        }
        self.first_collection(&asked).await?;
        Ok(self.page_of(asked))
    }

    fn serves(&self, name: &str) -> bool {
        self.lock().iter().flat_map(|running| &running.clouds).any(|cloud| cloud.name() == name)
    }

    /// Begins to collect a cloud that is allowed, but was not asked for before.
    async fn take_up(&self, name: &str) -> Result<(), ProbeRefusal> {
        let unknown = |remedy: String| ProbeRefusal::Unknown { cloud: name.to_owned(), remedy };
        let Some(settings) = self.lock().as_ref().map(|running| running.settings.clone()) else {
            return Err(ProbeRefusal::NotYet(name.to_owned()));
        };
        let listed = &settings.clouds.names;
        if !settings.clouds.multi_cloud {
            return Err(unknown("it is not served; --multi-cloud serves every cloud of clouds.yaml here".to_owned()));
        }
        if !listed.is_empty() && !listed.iter().any(|listed| listed == name) {
            return Err(unknown("clouds.names does not list it".to_owned()));
        }
        let (wanted, clock) = (name.to_owned(), self.clock.clone());
        let opened = tokio::task::spawn_blocking(move || open_one(&settings, &wanted, &clock)).await;
        let opened = opened.unwrap_or_else(|failure| Err(ProbeRefusal::Unusable(name.to_owned(), failure.to_string())));
        self.add(opened?);
        Ok(())
    }

    /// Collects a cloud beside the others, unless another probe was quicker.
    pub(super) fn add(&self, cloud: Arc<Cloud>) {
        let mut running = self.lock();
        let Some(running) = running.as_mut() else { return };
        if running.clouds.iter().all(|known| known.name() != cloud.name()) {
            tracing::info!(cloud = cloud.name(), "asked for by a probe; its collection begins");
            running.clouds.push(Arc::clone(&cloud));
            self.own.set_clouds(running.clouds.clone());
            running.runner.spawn_cloud(cloud);
        }
    }

    /// Waits until each wanted collector of the cloud has ended a run, well or not; for as long as the probe has time.
    async fn first_collection(&self, asked: &ProbeRequest) -> Result<(), ProbeRefusal> {
        let deadline = Instant::now() + asked.patience;
        loop {
            let entries = self.health.entries();
            let of_cloud: Vec<_> = entries.iter().filter(|entry| is_of(asked, entry)).collect();
            let wanted = || of_cloud.iter().filter(|entry| wants(asked, entry.service));
            let ended = wanted().filter(|entry| entry.state().success.is_some()).count();
            let known = !of_cloud.is_empty();
            if known && ended == wanted().count() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return if ended > 0 { Ok(()) } else { Err(ProbeRefusal::NotYet(asked.cloud.clone())) };
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn page_of(&self, asked: ProbeRequest) -> Arc<Exposition> {
        let key = ProbeRequest { patience: Duration::ZERO, ..asked };
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some((page, last)) = pages.get_mut(&key) {
            *last = now;
            return Arc::clone(page);
        }
        while pages.len() >= PAGES_MAX
            && let Some(oldest) = pages.iter().min_by_key(|(_, (_, last))| *last).map(|(key, _)| key.clone())
        {
            pages.remove(&oldest);
        }
        let page = self.new_page(&key);
        pages.insert(key, (Arc::clone(&page), now));
        page
    }

    fn new_page(&self, asked: &ProbeRequest) -> Arc<Exposition> {
        let (selected, filter, own) = (asked.clone(), Arc::clone(&self.filter), Arc::clone(&self.own));
        let view = View::of_cloud(self.naming.clone(), move |key| selects(&selected, key))
            .keeping(move |row| !filter.load().drops(&row.name, row.slow, row.deprecated));
        let asked = asked.clone();
        let parts = move || own.cloud_parts(&asked.cloud, asked.region.as_deref(), &|service| wants(&asked, service));
        Exposition::of(Arc::clone(&self.store), view, Arc::new(parts))
    }
}

fn check_services(asked: &ProbeRequest) -> Result<(), ProbeRefusal> {
    let known =
        |name: &str| Settings::SERVICE_NAMES.contains(&name) || SERVICES.iter().any(|service| service.name == name);
    match asked.include.iter().chain(&asked.exclude).find(|name| !known(name)) {
        None => Ok(()),
        Some(odd) => {
            let list = Settings::SERVICE_NAMES.join(", ");
            Err(ProbeRefusal::Malformed(format!("unknown service `{odd}`; one of {list}")))
        }
    }
}

fn is_of(asked: &ProbeRequest, entry: &CollectorHealth) -> bool {
    let region = || asked.region.is_none() || entry.origin.region.as_deref() == asked.region.as_deref();
    entry.origin.cloud.as_deref() == Some(&asked.cloud) && region()
}

fn wants(asked: &ProbeRequest, service: &str) -> bool {
    let included = asked.include.is_empty() || asked.include.iter().any(|name| name == service);
    included && !asked.exclude.iter().any(|name| name == service)
}

/// Whether a part belongs on the page. What is no service's (reachability of endpoints) goes with all services only.
fn selects(asked: &ProbeRequest, key: &PartKey) -> bool {
    let region = asked.region.is_none() || key.origin.region.as_deref() == asked.region.as_deref();
    let service = SERVICES.iter().find(|service| service.collectors.iter().any(|spec| spec.name == key.source));
    let wanted = match service {
        Some(service) => wants(asked, service.name),
        None => asked.include.is_empty(),
    };
    key.origin.cloud.as_deref() == Some(&asked.cloud) && region && wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::part::Origin;

    fn asked(include: &[&str], exclude: &[&str]) -> ProbeRequest {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        ProbeRequest { cloud: "a".to_owned(), include: names(include), exclude: names(exclude), ..Default::default() }
    }

    #[test]
    fn services_are_chosen_by_name() {
        let key =
            |group: &'static str, cloud: &str| PartKey { group, origin: Origin::new(cloud, "r"), source: group.into() };
        let selects =
            |include: &[&str], exclude: &[&str], group| super::selects(&asked(include, exclude), &key(group, "a"));
        assert!(selects(&[], &[], "compute.servers") && selects(&["compute"], &[], "compute.servers"));
        assert!(!selects(&["identity"], &[], "compute.servers") && !selects(&[], &["compute"], "compute.servers"));
        assert!(selects(&[], &["compute"], "api") && !selects(&["compute"], &[], "api"));
        assert!(!super::selects(&asked(&[], &[]), &key("compute.servers", "b")));
        let region = ProbeRequest { region: Some("other".to_owned()), ..asked(&[], &[]) };
        assert!(!super::selects(&region, &key("compute.servers", "a")));
    }

    #[test]
    fn unknown_services_are_named() {
        assert!(check_services(&asked(&["dns"], &["compute"])).is_ok());
        let error = check_services(&asked(&["nova"], &[])).unwrap_err();
        assert!(matches!(error, ProbeRefusal::Malformed(_)));
        assert!(error.to_string().contains("`nova`") && error.to_string().contains("compute"));
    }
}
