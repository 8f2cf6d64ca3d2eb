//! Double-seasonal exponential smoothing (level, day, week) with an AR(1) error, after Taylor. One pass
//! over the history serves every origin; errors are clipped at six times their running mean, so that a
//! spike does not move the seasons.

use super::{Component, Expert, Paths, Question};

/// Smoothing weights of level, day and week, and the memory of the error.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Weights {
    level: f64,
    short: f64,
    long: f64,
    memory: f64,
}

/// Constants of a model with the week: its own weight comes last.
const WITH_WEEK: usize = 4;
const START: Weights = Weights { level: 0.03, short: 0.08, long: 0.1, memory: 0.7 };
const LEVELS: [f64; 5] = [0.0, 0.01, 0.03, 0.1, 0.3];
const SHORTS: [f64; 4] = [0.02, 0.08, 0.2, 0.4];
const LONGS: [f64; 4] = [0.0, 0.1, 0.25, 0.45];
const MEMORIES: [f64; 5] = [0.0, 0.4, 0.7, 0.9, 0.97];
/// Errors count up to so many times their running mean.
const CLIP: f64 = 6.0;

/// See the module.
pub(super) struct DoubleSeasonal {
    pub(super) name: &'static str,
    /// With the week.
    pub(super) weekly: bool,
    /// On logarithms: seasons that multiply.
    pub(super) log: bool,
}

/// Level, seasons and last error at one instant.
#[derive(Clone)]
struct State {
    level: f64,
    error: f64,
    short: Vec<f64>,
    long: Vec<f64>,
    short_at: usize,
    long_at: usize,
}

impl State {
    /// From the first season of the history.
    fn start(y: &[f64], short: usize, long: usize) -> Self {
        let first = &y[..short.max(long).min(y.len())];
        let level = first.iter().sum::<f64>() / first.len() as f64;
        let mut day = vec![0.0; short];
        let mut count = vec![0.0_f64; short];
        for (at, value) in first.iter().enumerate() {
            day[at % short] += value - level;
            count[at % short] += 1.0;
        }
        day.iter_mut().zip(&count).for_each(|(d, c)| *d /= c.max(1.0));
        // Half of what the day leaves: one week alone is mostly noise.
        let week = (0..long).map(|at| 0.5 * (y[at] - level - day[at % short])).collect();
        Self { level, error: 0.0, short: day, long: week, short_at: 0, long_at: 0 }
    }

    /// Level and seasons at the next value: [`State::base`] without the divisions, for the inner loop.
    fn next(&self) -> f64 {
        self.level + self.short[self.short_at] + self.long.get(self.long_at).copied().unwrap_or(0.0)
    }

    /// Level and seasons `lead` steps ahead of the next value.
    fn base(&self, lead: usize) -> f64 {
        let week = match self.long.len() {
            0 => 0.0,
            n => self.long[(self.long_at + lead) % n],
        };
        self.level + self.short[(self.short_at + lead) % self.short.len()] + week
    }

    /// Learns one value: `base` is what level and seasons said, `error` the clipped one-step error.
    fn learn(&mut self, base: f64, value: f64, error: f64, limit: f64, w: &Weights) {
        self.error = (value - base).clamp(-2.0 * limit, 2.0 * limit);
        self.level += w.level * error;
        self.short[self.short_at] += w.short * error;
        self.short_at += 1;
        if self.short_at == self.short.len() {
            self.short_at = 0;
        }
        if !self.long.is_empty() {
            self.long[self.long_at] += w.long * error;
            self.long_at += 1;
            if self.long_at == self.long.len() {
                self.long_at = 0;
            }
        }
    }
}

/// Runs over the history, shows the state before each value and after the last, and answers the sum of
/// the absolute one-step errors after the first season; stops early where that passes `most`.
fn run(y: &[f64], start: &State, w: Weights, most: f64, mut see: impl FnMut(usize, &State)) -> f64 {
    let mut state = start.clone();
    let warm = start.short.len().max(start.long.len());
    let (mut sum, mut scale) = (0.0, 0.0);
    for (at, &value) in y.iter().enumerate() {
        see(at, &state);
        let base = state.next();
        let error = value - (base + w.memory * state.error);
        if at >= warm {
            let size = error.abs();
            sum += size;
            if sum > most {
                return sum;
            }
            scale = if scale == 0.0 { size } else { scale + 0.02 * (size.min(2.0 * CLIP * scale) - scale) };
        }
        let limit = if scale > 0.0 { CLIP * scale } else { f64::MAX / 4.0 };
        state.learn(base, value, error.clamp(-limit, limit), limit, &w);
    }
    see(y.len(), &state);
    sum
}

/// Coordinate descent on the one-step error.
fn fit(y: &[f64], start: &State) -> Weights {
    let silent = |w: Weights, most: f64| run(y, start, w, most, |_, _| {});
    let mut best = (silent(START, f64::INFINITY), START);
    for _ in 0..2 {
        let before = best.1;
        let mut attempt = |set: &dyn Fn(Weights) -> Weights| {
            let w = set(best.1);
            if w != best.1 {
                let error = silent(w, best.0);
                if error < best.0 {
                    best = (error, w);
                }
            }
        };
        LEVELS.iter().for_each(|&level| attempt(&|w| Weights { level, ..w }));
        MEMORIES.iter().for_each(|&memory| attempt(&|w| Weights { memory, ..w }));
        SHORTS.iter().for_each(|&short| attempt(&|w| Weights { short, ..w }));
        if !start.long.is_empty() {
            LONGS.iter().for_each(|&long| attempt(&|w| Weights { long, ..w }));
        }
        if best.1 == before {
            break;
        }
    }
    best.1
}

impl Component for DoubleSeasonal {
    fn experts(&self, question: &Question) -> Vec<Expert> {
        let Question { history, origins, horizon, .. } = *question;
        if !question.wants(self.name) {
            return Vec::new();
        }
        let logs: Vec<f64>;
        let y = if self.log {
            logs = history.y.iter().map(|v| v.ln()).collect();
            &logs
        } else {
            history.y
        };
        let first = origins.first().copied().unwrap_or(0);
        let known = question.constants(self.name);
        // With the week only where the first origin has seen one; a later forecast keeps to what the fit had.
        let weekly = match known {
            Some(constants) => constants.len() == WITH_WEEK,
            None => self.weekly && history.long > 0 && first >= history.long + history.short,
        };
        let start = State::start(y, history.short, if weekly { history.long } else { 0 });
        let weights = match known {
            Some(&[level, short, memory, long]) => Weights { level, short, long, memory },
            Some(&[level, short, memory]) => Weights { level, short, long: 0.0, memory },
            _ => fit(y, &start),
        };
        let mut paths = Paths::new(origins.len(), horizon);
        let mut next = 0;
        run(y, &start, weights, f64::INFINITY, |at, state| {
            while origins.get(next) == Some(&at) {
                let mut carried = state.error;
                for (lead, out) in paths.row_mut(next).iter_mut().enumerate() {
                    carried *= weights.memory;
                    let value = state.base(lead) + carried;
                    *out = if self.log { value.exp() } else { value };
                }
                next += 1;
            }
        });
        let Weights { level, short, long, memory } = weights;
        let mut constants = vec![level, short, memory];
        constants.extend(Some(long).filter(|_| weekly));
        vec![Expert { name: self.name, paths, constants }]
    }

    fn needs_positive(&self) -> bool {
        self.log
    }
}
