//! Neutron's agents that should work and do not.

use super::{Reader, Source};
use crate::model::inventory::network_agent::NetworkAgents;
use crate::model::signal::Signal;

static DOWN: Signal =
    value_signal!("network_agents_down", "Enabled agents of Neutron without a recent heartbeat.", Count, Up);

pub(super) const SOURCE: Source = Source { collector: "network.agents", signals: &[&DOWN], read };

fn read(reader: &mut Reader<'_>) {
    let Some(agents) = reader.snapshot.table::<NetworkAgents>(reader.origin) else { return };
    let down = agents.0.values().filter(|agent| agent.enabled && !agent.alive).count();
    let whole = reader.whole();
    reader.value(&DOWN, &whole, down as f64);
}
