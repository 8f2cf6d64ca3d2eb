//! What is planted, when and where.

use stackcast::demo::{Anomaly, AnomalyKind};
use stackcast::model::clock::Timestamp;

use super::load::{DAY, mix};

/// Monday, 2026-01-05T00:00:00Z.
pub const START: i64 = 1_767_571_200;
pub const STEP: i64 = 300;
/// Nothing is planted, and no alarm counts, before.
pub const FIRST: usize = 8 * DAY;

/// How large a cloud is, and how long it is watched.
#[derive(Clone, Copy)]
pub struct Size {
    pub hosts: usize,
    pub days: usize,
    /// Anomalies of each kind.
    pub each: usize,
}

impl Size {
    pub const fn points(self) -> usize {
        self.days * DAY
    }
}

pub const KINDS: [AnomalyKind; 5] = [
    AnomalyKind::StuckAgent,
    AnomalyKind::RunawayProject,
    AnomalyKind::LostInstances,
    AnomalyKind::OddHost,
    AnomalyKind::MemoryLeak,
];

/// The planted anomalies of a seed: evenly spread, in a random order, at random hours.
pub fn planted(seed: u64, project: u32, size: Size) -> Vec<Anomaly> {
    let mut kinds: Vec<AnomalyKind> = KINDS.iter().flat_map(|kind| std::iter::repeat_n(*kind, size.each)).collect();
    for at in (1..kinds.len()).rev() {
        kinds.swap(at, (mix(seed, at as u64) % (at as u64 + 1)) as usize);
    }
    let room = (size.points() - FIRST) / kinds.len();
    let mut all = Vec::new();
    for (number, kind) in kinds.into_iter().enumerate() {
        let draw = mix(seed, 1000 + number as u64);
        let from = FIRST + number * room + (draw % (room as u64 / 4)) as usize;
        let points = match kind {
            AnomalyKind::StuckAgent => 12,
            AnomalyKind::RunawayProject => 36,
            AnomalyKind::LostInstances => 1,
            AnomalyKind::OddHost => 144,
            AnomalyKind::MemoryLeak => 288,
        };
        let target = match kind {
            AnomalyKind::RunawayProject | AnomalyKind::LostInstances => project,
            _ => ((draw >> 20) % size.hosts as u64) as u32,
        };
        all.push(Anomaly { kind, target, from: time(from), to: time(from + points) });
    }
    all
}

pub const fn time(point: usize) -> Timestamp {
    Timestamp::from_seconds(START + point as i64 * STEP)
}

/// The point that a time falls on.
pub const fn point(at: Timestamp) -> usize {
    ((at.millis() / 1000 - START) / STEP) as usize
}
