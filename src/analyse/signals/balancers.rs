//! Load balancers in trouble.

use super::{Reader, Source};
use crate::model::inventory::load_balancer::LoadBalancers;
use crate::model::signal::Signal;

static FAULTY: Signal =
    value_signal!("load_balancers_error", "Load balancers that Octavia could not set up or change.", Count, Up);

pub(super) const SOURCE: Source = Source { collector: "load_balancer.load_balancers", signals: &[&FAULTY], read };

fn read(reader: &mut Reader<'_>) {
    let Some(balancers) = reader.snapshot.table::<LoadBalancers>(reader.origin) else { return };
    let faulty = balancers.0.values().filter(|balancer| &*balancer.provisioning_status == "ERROR").count();
    let whole = reader.whole();
    reader.value(&FAULTY, &whole, faulty as f64);
}
