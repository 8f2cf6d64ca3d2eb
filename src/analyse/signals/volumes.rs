//! Volumes in trouble.

use super::{Reader, Source};
use crate::model::inventory::volume::Volumes;
use crate::model::signal::Signal;

static FAULTY: Signal =
    value_signal!("volumes_error", "Volumes in an error state (error, error_deleting, ...).", Count, Up);

pub(super) const SOURCE: Source = Source { collector: "volume.volumes", signals: &[&FAULTY], read };

fn read(reader: &mut Reader<'_>) {
    let Some(volumes) = reader.snapshot.table::<Volumes>(reader.origin) else { return };
    let faulty = volumes.0.values().filter(|volume| volume.status.starts_with("error")).count();
    let whole = reader.whole();
    reader.value(&FAULTY, &whole, faulty as f64);
}
