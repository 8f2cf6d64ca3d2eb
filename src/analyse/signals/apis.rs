//! How long the services' endpoints take to answer.

use std::sync::Arc;

use super::{Reader, Source};
use crate::analyse::capacity::Place;
use crate::model::signal::{Scope, Signal};

static RESPONSE: Signal =
    value_signal!("api_response_seconds", "Time that an endpoint takes to answer, by service type.", Seconds, Up);

pub(super) const SOURCE: Source = Source { collector: "api", signals: &[&RESPONSE], read };

fn read(reader: &mut Reader<'_>) {
    let snapshot = reader.snapshot;
    for part in snapshot.group("api").filter(|part| part.key.origin == *reader.origin) {
        let family = part.families.iter().find(|family| family.descriptor().name == "openstack_api_duration_seconds");
        for sample in family.into_iter().flat_map(|family| family.samples()) {
            let Some(service) = sample.labels().next() else { continue };
            let place = Place { scope: Scope::Custom, entity: Arc::from(service) };
            reader.value(&RESPONSE, &place, sample.number());
        }
    }
}
