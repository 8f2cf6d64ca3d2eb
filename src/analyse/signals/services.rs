//! Services (agents) of Nova that should work and do not.

use super::{Reader, Source};
use crate::model::inventory::compute_service::ComputeServices;
use crate::model::signal::Signal;

static DOWN: Signal =
    value_signal!("compute_services_down", "Enabled services of Nova that are down.", Count, Up);

pub(super) const SOURCE: Source = Source { collector: "compute.services", signals: &[&DOWN], read };

fn read(reader: &mut Reader<'_>) {
    let Some(services) = reader.snapshot.table::<ComputeServices>(reader.origin) else { return };
    let down = services.0.iter().filter(|service| service.enabled && !service.up).count();
    let whole = reader.whole();
    reader.value(&DOWN, &whole, down as f64);
}
