//! Readings of any spacing onto an even grid: several within a step become their mean, or the last, or the largest.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::{HistoryError, Stretch, Want};
use crate::model::clock::Timestamp;
use crate::model::signal::SeriesKey;

/// Values of one answer; beyond, a reader asks for fewer series or a shorter range.
const VALUES_MAX: usize = 32_000_000;

/// The points asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    from: i64,
    step: i64,
    points: usize,
}

/// Which of the readings within a step is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Take {
    /// Their mean.
    Mean,
    /// The last: counters, whose mean says nothing.
    Last,
}

impl Grid {
    /// The grid of a question; one without a point is fine.
    pub(super) fn new(want: &Want) -> Result<Self, HistoryError> {
        let step = i64::try_from(want.step.as_millis()).unwrap_or(i64::MAX).max(1);
        let (from, to) = (want.from.millis(), want.to.millis());
        let span = to.saturating_sub(from).max(0);
        let points = span / step + i64::from(span % step != 0);
        let points = usize::try_from(points).unwrap_or(usize::MAX);
        let grid = Self { from, step, points };
        grid.allow(1)?;
        Ok(grid)
    }

    /// Refuses more values than memory should hold.
    pub(super) fn allow(&self, series: usize) -> Result<(), HistoryError> {
        let values = self.points.saturating_mul(series);
        if values > VALUES_MAX {
            return Err(HistoryError::TooMuch { values, max: VALUES_MAX });
        }
        Ok(())
    }

    /// Number of points.
    pub(super) fn points(&self) -> usize {
        self.points
    }

    /// Milliseconds between points.
    pub(super) fn step(&self) -> i64 {
        self.step
    }

    /// Time of a point in milliseconds.
    pub(super) fn time(&self, index: usize) -> i64 {
        self.from.saturating_add(self.step.saturating_mul(i64::try_from(index).unwrap_or(i64::MAX)))
    }

    /// Whether every point begins and ends with an hour, so that hourly roll-ups tell the same.
    pub(super) fn whole_hours(&self) -> bool {
        const HOUR: i64 = 3_600_000;
        self.from.rem_euclid(HOUR) == 0 && self.step % HOUR == 0
    }

    /// To which points readings of some times belong: of many series with the same times, looked up once.
    pub(super) fn runs(&self, times: &[i64]) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (at, point) in times.iter().map(|time| self.index(*time)).enumerate() {
            let Some(point) = point else { continue };
            match runs.last_mut() {
                Some(run) if run.point == point && run.values.end == at => run.values.end += 1,
                _ => runs.push(Run { values: at..at + 1, point }),
            }
        }
        runs
    }

    /// The point that a time belongs to.
    fn index(&self, at: i64) -> Option<usize> {
        let offset = at.checked_sub(self.from).filter(|offset| *offset >= 0)?;
        usize::try_from(offset / self.step).ok().filter(|index| *index < self.points)
    }
}

/// Neighbouring readings of one point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    values: Range<usize>,
    point: usize,
}

/// One series being put onto the grid; readings must come in order of time.
#[derive(Debug)]
pub(super) struct Gather {
    sums: Vec<f64>,
    counts: Vec<u32>,
    take: Take,
}

impl Gather {
    pub(super) fn new(grid: &Grid, take: Take) -> Self {
        Self { sums: vec![0.0; grid.points], counts: vec![0; grid.points], take }
    }

    /// Adds a reading; what lies outside the grid or is no number is left out.
    pub(super) fn add(&mut self, grid: &Grid, at: i64, value: f64) {
        if let Some(point) = grid.index(at) {
            self.put(point, &[value]);
        }
    }

    /// Adds readings whose times were sorted out before, see [`Grid::runs`].
    pub(super) fn add_runs(&mut self, runs: &[Run], values: &[f64]) {
        for run in runs {
            self.put(run.point, values.get(run.values.clone()).unwrap_or_default());
        }
    }

    fn put(&mut self, point: usize, values: &[f64]) {
        let (Some(sum), Some(count)) = (self.sums.get_mut(point), self.counts.get_mut(point)) else { return };
        let values = values.iter().filter(|value| value.is_finite());
        match self.take {
            Take::Mean => values.for_each(|value| {
                *sum += value;
                *count += 1;
            }),
            Take::Last => values.for_each(|value| (*sum, *count) = (*value, 1)),
        }
    }

    /// The stretch from the first value to the end of the grid; none without any value.
    pub(super) fn finish(self, grid: &Grid, key: Arc<SeriesKey>) -> Option<Stretch> {
        let first = self.counts.iter().position(|count| *count > 0)?;
        // In place: a copy of all series at once would be tens of megabytes.
        let mut values = self.sums;
        for (value, count) in values.iter_mut().zip(&self.counts) {
            *value = if *count == 0 { f64::NAN } else { *value / f64::from(*count) };
        }
        values.drain(..first);
        let step = Duration::from_millis(u64::try_from(grid.step).unwrap_or_default());
        Some(Stretch { key, start: Timestamp::from_millis(grid.time(first)), step, values })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::history::testing::{key, want};

    #[test]
    fn readings_of_a_step_become_their_mean_or_the_last() {
        let want = want("load", 100, 400, 100);
        let grid = Grid::new(&want).unwrap();
        let readings = [(99, 9.0), (210, 1.0), (290, 2.0), (300, f64::NAN), (399, 5.0), (400, 7.0)];
        for (take, expected) in [(Take::Mean, 1.5), (Take::Last, 2.0)] {
            let mut gather = Gather::new(&grid, take);
            for (at, value) in readings {
                gather.add(&grid, at * 1000, value);
            }
            let stretch = gather.finish(&grid, key("load", "a")).unwrap();
            let mut at_once = Gather::new(&grid, take);
            let (times, values): (Vec<i64>, Vec<f64>) = readings.iter().map(|(at, value)| (at * 1000, *value)).unzip();
            at_once.add_runs(&grid.runs(&times), &values);
            assert_eq!(at_once.finish(&grid, key("load", "a")).as_ref(), Some(&stretch));
            assert_eq!(stretch.start, Timestamp::from_seconds(200));
            assert_eq!(stretch.values, [expected, 5.0]);
        }
        assert!(Gather::new(&grid, Take::Mean).finish(&grid, key("load", "a")).is_none());
    }

    #[test]
    fn odd_grids_are_empty_or_refused() {
        assert_eq!(Grid::new(&want("load", 10, 10, 1)).unwrap().points(), 0);
        assert_eq!(Grid::new(&want("load", 10, 0, 1)).unwrap().points(), 0);
        assert_eq!(Grid::new(&want("load", 0, 11, 5)).unwrap().points(), 3, "the last step may be cut short");
        assert!(matches!(Grid::new(&want("load", 0, i64::MAX / 1000, 1)), Err(HistoryError::TooMuch { .. })));
    }
}
