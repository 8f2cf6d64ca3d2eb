//! Medians of what was: of the same hour on the days before, of the same hour of the week, and of the
//! last hours whatever the hour. Crude alone, and hard to beat on noisy machines.

use super::super::kernel_order::median;
use super::{Component, Expert, Question, each_origin};

/// The same hour of the day or of the week.
pub(super) struct SameHour {
    /// Name, how many seasons back, whether the season is the long one.
    variants: &'static [(&'static str, usize, bool)],
}

/// Yesterday, the week's median hour, the same hour of last week and of the last four.
pub(super) const SAME_HOUR: SameHour = SameHour {
    variants: &[
        ("same-hour-1d", 1, false),
        ("same-hour-7d", 7, false),
        ("same-hour-1w", 1, true),
        ("same-hour-4w", 4, true),
    ],
};

impl Component for SameHour {
    fn experts(&self, question: &Question) -> Vec<Expert> {
        let Question { history, origins, horizon, .. } = *question;
        let mut buffer = Vec::with_capacity(8);
        let mut one = |count: usize, weekly: bool| {
            each_origin(origins, horizon, |origin, out| {
                let long = weekly && history.long > 0 && origin >= history.long;
                let season = if long { history.long } else { history.short };
                for lead in 0..horizon {
                    if lead >= season {
                        out[lead] = out[lead - season];
                        continue;
                    }
                    buffer.clear();
                    let back = (1..=count).map_while(|k| (origin + lead).checked_sub(k * season));
                    buffer.extend(back.map(|at| history.y[at]));
                    out[lead] = median(&mut buffer);
                }
            })
        };
        let wanted = self.variants.iter().filter(|variant| question.wants(variant.0));
        wanted.map(|&(name, count, weekly)| Expert::plain(name, one(count, weekly))).collect()
    }
}

/// A flat line at the median of the last stretch.
pub(super) struct Flat {
    /// Name and length in quarters of the short season.
    variants: &'static [(&'static str, usize)],
}

/// Six hours, one day, two days, a week.
pub(super) const FLAT: Flat = Flat { variants: &[("flat-6h", 1), ("flat-1d", 4), ("flat-2d", 8), ("flat-7d", 28)] };

impl Component for Flat {
    fn experts(&self, question: &Question) -> Vec<Expert> {
        let Question { history, origins, horizon, .. } = *question;
        let mut buffer = Vec::new();
        let mut one = |quarters: usize| {
            let length = (quarters * history.short).div_ceil(4);
            each_origin(origins, horizon, |origin, out| {
                buffer.clear();
                buffer.extend_from_slice(&history.y[origin.saturating_sub(length)..origin]);
                out.fill(median(&mut buffer));
            })
        };
        let wanted = self.variants.iter().filter(|variant| question.wants(variant.0));
        wanted.map(|&(name, quarters)| Expert::plain(name, one(quarters))).collect()
    }
}
