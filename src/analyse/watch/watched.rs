//! One watched series: its detector, its changepoints, its limit, and what the last reading said.

use super::evidence::{Evidence, Rare, Sight};
use crate::analyse::anomaly::archive::Archive;
use crate::analyse::anomaly::{Change, Changepoints, Detector, FORMAT, Limit, Options, Reading, Threshold};

/// The most that a passed limit scores.
const LIMIT_CAP: f64 = 1e3;
/// The most that a missing series scores.
const MISSING_CAP: f64 = 5.0;
/// Readings in a row that make an outlier.
const OUTLYING: i64 = 3;
/// A missing series is forgotten after so many seconds.
pub(super) const FORGET: i64 = 7 * 86_400;

/// A series and all that is remembered of it.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    detector: Detector,
    pub(super) evidence: Evidence,
    changes: Changepoints,
    threshold: Threshold,
    /// Time of the last reading, seconds since the epoch.
    pub(super) seen: i64,
    pub(super) value: f64,
    pub(super) silent: bool,
    /// Readings in a row as an outlier among its peers, and since when.
    outlying: i64,
    outlying_since: i64,
    /// Of the last reading; not kept over a restart.
    pub(super) reading: Option<Reading>,
    /// How rare a day with such a reading is; none while too few days are known.
    pub(super) rare: Option<Rare>,
    /// Above 1 while its limit is passed.
    pub(super) limit: f64,
}

impl Watched {
    pub(super) fn new(options: &Options, now: i64) -> Self {
        Self {
            detector: Detector::new(options),
            evidence: Evidence::default(),
            changes: Changepoints::default(),
            threshold: Threshold::default(),
            seen: now,
            value: f64::NAN,
            silent: false,
            outlying: 0,
            outlying_since: 0,
            reading: None,
            rare: None,
            limit: 0.0,
        }
    }

    /// Takes a reading; `reference` is the CPU of the host whose other measurement this is.
    pub(super) fn step(
        &mut self,
        options: &Options,
        limit: Option<&Limit>,
        silent: bool,
        now: i64,
        (value, reference): (f64, Option<f64>),
    ) {
        self.detector.set_options(options);
        self.detector.set_silent(silent);
        self.silent = silent;
        let reading = self.detector.step(now, value);
        self.reading = Some(reading);
        (self.limit, self.rare) = (0.0, None);
        if !silent {
            let Options { absolute_floor: floor, sensitivity, counter, .. } = *options;
            let small = reading.expected.is_some_and(|(low, high)| options.is_small(value, low.midpoint(high)));
            let still = if reading.is_still() { reading.strength / sensitivity } else { 0.0 };
            let sight = Sight { value, way: reading.way, still, reference, floor, small, sensitivity, counter };
            self.rare = self.evidence.step(now, &sight).filter(|_| self.detector.is_ready());
            self.changes.step(now, value);
            if let Some(limit) = limit {
                self.limit = self.threshold.step(limit, now, value).min(LIMIT_CAP);
            }
        }
        (self.seen, self.value) = (now, value);
    }

    /// Takes note that there is no reading.
    pub(super) fn skip(&mut self, silent: bool) {
        self.silent = silent;
        self.detector.set_silent(silent);
        (self.reading, self.rare, self.limit, self.outlying) = (None, None, 0.0, 0);
    }

    /// Takes note of its place among its peers.
    pub(super) const fn among_peers(&mut self, outlier: bool, now: i64) {
        if !outlier {
            self.outlying = 0;
            return;
        }
        if self.outlying == 0 {
            self.outlying_since = now;
        }
        self.outlying = self.outlying.saturating_add(1);
    }

    /// Since when it has been unlike its peers, if for long enough to say so.
    pub(super) const fn unlike_since(&self) -> Option<i64> {
        if self.outlying >= OUTLYING { Some(self.outlying_since) } else { None }
    }

    /// How overdue it is; above 1 after ten usual intervals.
    pub(super) fn missing(&self, now: i64) -> f64 {
        if self.reading.is_some() { 0.0 } else { self.detector.overdue(now).min(MISSING_CAP) }
    }

    /// Whether it has been gone for so long that it is no loss any more.
    pub(super) const fn gone(&self, now: i64) -> bool {
        now.saturating_sub(self.seen) > FORGET
    }

    pub(super) fn is_ready(&self) -> bool {
        self.detector.is_ready()
    }

    pub(super) const fn change(&self) -> Option<Change> {
        self.changes.latest()
    }

    pub(super) fn daily_profile(&self) -> Option<[f64; 24]> {
        self.detector.daily_profile()
    }

    /// All that was learned, exact to the bit.
    pub(super) fn save(&self) -> Vec<u8> {
        let mut archive = Archive::saving();
        self.clone().fields(&mut archive);
        archive.into_bytes()
    }

    /// What was saved; none when the bytes are damaged or of another version.
    pub(super) fn restore(bytes: Vec<u8>) -> Option<Self> {
        let mut watched = Self::new(&Options::default(), 0);
        let mut archive = Archive::loading(bytes);
        let version = watched.fields(&mut archive);
        (version == FORMAT && archive.complete()).then_some(watched)
    }

    fn fields(&mut self, archive: &mut Archive) -> i64 {
        archive.i64(&mut self.seen);
        archive.f64(&mut self.value);
        archive.i64(&mut self.outlying);
        archive.i64(&mut self.outlying_since);
        self.threshold.fields(archive);
        self.changes.fields(archive);
        self.evidence.fields(archive);
        self.detector.fields(archive)
    }
}
