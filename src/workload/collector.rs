//! The collector role: takes reports of other installations, record by record.

use std::sync::Arc;

use super::report::{self, Envelope, Fault, Names, RECORDS_MAX};
use super::store::{Report, Store};
use super::telemetry::Telemetry;
use crate::model::clock::Clock;
use crate::model::workload::{
    ChangesFound, ChangesWanted, Days, Departure, Export, Fate, Outcome, Received, Records, RecordsError,
};

/// Longest name of an installation, in bytes.
const UID_BYTES_MAX: usize = 128;

/// Everything that others may ask of the records.
#[derive(Debug)]
pub struct Desk {
    store: Arc<Store>,
    telemetry: Arc<Telemetry>,
    clock: Clock,
    /// None: reports are not taken.
    report_bytes_max: Option<usize>,
}

impl Desk {
    /// Over a store. Without `report_bytes_max`, reports are not taken.
    pub fn new(store: Arc<Store>, telemetry: Arc<Telemetry>, clock: Clock, report_bytes_max: Option<usize>) -> Self {
        Self { store, telemetry, clock, report_bytes_max }
    }
}

impl Records for Desk {
    fn changes(&self, wanted: &ChangesWanted) -> Result<ChangesFound, RecordsError> {
        self.store.changes(wanted).map_err(|error| RecordsError::Store(error.to_string()))
    }

    fn export(&self, what: Export, days: Days, out: &mut dyn std::io::Write) -> Result<(), RecordsError> {
        super::csv::export(&self.store, what, days, out)
    }

    fn report_bytes_max(&self) -> Option<usize> {
        self.report_bytes_max
    }

    fn receive(&self, body: &[u8], sender: Option<&str>) -> Result<Received, RecordsError> {
        let refused = |fault: Fault| RecordsError::Body { path: fault.path, message: fault.message };
        let envelope: Envelope<'_> = report::parse(body).map_err(refused)?;
        let count = envelope.oswl_stats.len();
        if count > RECORDS_MAX {
            let message = format!("holds {count} records; {RECORDS_MAX} are taken at once, send more reports");
            return Err(refused(Fault::new("oswl_stats", message)));
        }
        let mut received = Received::default();
        let mut reports: Vec<(usize, Report)> = Vec::new();
        for (at, record) in envelope.oswl_stats.iter().enumerate() {
            let names: Names = report::parse(record.get().as_bytes()).unwrap_or_default();
            received.outcomes.push(names.outcome(Fate::Failed));
            match report::read(record) {
                Ok(report) => reports.push((at, report)),
                Err(fault) => received.departures.push(departure(at, fault)),
            }
        }
        self.keep(&mut received, reports, sender.filter(|uid| !uid.is_empty() && uid.len() <= UID_BYTES_MAX))?;
        received.outcomes.iter().for_each(|outcome| self.telemetry.received(outcome.fate));
        Ok(received)
    }
}

impl Desk {
    fn keep(
        &self,
        received: &mut Received,
        reports: Vec<(usize, Report)>,
        sender: Option<&str>,
    ) -> Result<(), RecordsError> {
        let (places, reports): (Vec<usize>, Vec<Report>) = reports.into_iter().unzip();
        let fates = self.store.receive(&reports, sender, self.clock.now());
        let fates = fates.map_err(|error| RecordsError::Store(error.to_string()))?;
        for (at, fate) in places.into_iter().zip(fates) {
            if let Some(Outcome { fate: place, .. }) = received.outcomes.get_mut(at) {
                *place = fate;
            }
            if fate == Fate::Failed {
                let message = "is this collector's own, or one installation more than are taken";
                received.departures.push(departure(at, Fault::new("master_node_uid", message)));
            }
        }
        Ok(())
    }
}

fn departure(record: usize, fault: Fault) -> Departure {
    let member = if fault.path == "." { String::new() } else { format!(".{}", fault.path) };
    Departure { record, path: format!("oswl_stats[{record}]{member}"), message: fault.message }
}
