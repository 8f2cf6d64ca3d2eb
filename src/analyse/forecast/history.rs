//! What every model reads: evenly spaced values, the seasons in steps, and running sums.

use super::season::Seasons;

/// A regular history without gaps, ready for the models.
#[derive(Clone, Debug)]
pub(crate) struct History<'a> {
    /// The values, oldest first, none missing.
    pub(crate) y: &'a [f64],
    /// The short season (a day in steps), at least 1.
    pub(crate) short: usize,
    /// The long season (a week in steps), or 0 where the history is too short for one.
    pub(crate) long: usize,
    sums: Vec<f64>,
}

impl<'a> History<'a> {
    /// Over values and their seasons.
    pub(crate) fn new(y: &'a [f64], seasons: Seasons) -> Self {
        let mut sums = Vec::with_capacity(y.len() + 1);
        let mut sum = 0.0;
        sums.push(sum);
        sums.extend(y.iter().map(|v| {
            sum += v;
            sum
        }));
        Self { y, short: seasons.short.max(1), long: seasons.long, sums }
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.y.len()
    }

    /// The mean of `y[from..to]`; 0 for an empty range.
    pub(crate) fn mean(&self, from: usize, to: usize) -> f64 {
        match (self.sums.get(from), self.sums.get(to)) {
            (Some(a), Some(b)) if to > from => (b - a) / (to - from) as f64,
            _ => 0.0,
        }
    }
}
