//! Whether a measurement of a host still goes with its CPU: a leak is small beside what the load of the day does to a
//! host's memory, and large beside what is left when the load is taken out.
//!
//! A line is fitted on the go, robustly; what it leaves is summed up both ways (CUSUM, in units of its noise), so that
//! little by little counts. A level that moves slowly belongs to it: what stays becomes usual within days. It knows
//! two series of one host, and not how large a sum is news.

use crate::analyse::anomaly::archive::Archive;

/// Readings that the line remembers (two weeks at 5 minutes).
const MEMORY: f64 = 4032.0;
/// Readings before the line is trusted, and those that the level of the rest remembers (a day).
const DAY: f64 = 288.0;
/// Readings before outliers are told apart.
const SETTLED: f64 = 50.0;
/// A rest of more than so many deviations is an outlier: it counts less, the further it is.
const OUTLYING: f64 = 3.0;
/// Noise follows at least this quickly.
const NOISE_RATE: f64 = 0.002;
/// Mean absolute deviation of a normal distribution, inverted.
const DEVIATION: f64 = 1.2533;
/// Sum: what counts as nothing, and the most that one reading adds, in deviations.
const ALLOWANCE: f64 = 1.0;
const LARGEST_STEP: f64 = 4.0;
/// The most that a sum grows to.
const LARGEST_SUM: f64 = 1e4;
/// Noise is at least this share of the floor of the series: what is too small to matter does not add up, either.
const NOISE_OF_FLOOR: f64 = 0.02;

/// A line through two series, and what lies off it.
#[derive(Clone, Debug, Default)]
pub(super) struct Relation {
    seen: f64,
    mean_cpu: f64,
    mean: f64,
    variance_cpu: f64,
    covariance: f64,
    noise: f64,
    level: f64,
    up: f64,
    down: f64,
}

impl Relation {
    /// Takes a pair of readings; answers with the larger sum, negative for one downwards.
    pub(super) fn step(&mut self, cpu: f64, value: f64, floor: f64) -> f64 {
        if !(cpu.is_finite() && value.is_finite()) {
            return 0.0;
        }
        self.seen = (self.seen + 1.0).min(MEMORY);
        let rate = 1.0 / self.seen;
        let slope = if self.variance_cpu > 1e-12 { self.covariance / self.variance_cpu } else { 0.0 };
        let rest = value - self.mean - slope * (cpu - self.mean_cpu);
        let off = rest - self.level;
        let bound = OUTLYING * self.noise;
        let mut sum = 0.0;
        if self.seen > DAY {
            let noise = self.noise.max(NOISE_OF_FLOOR * floor).max(f64::MIN_POSITIVE);
            let step = (off / noise).clamp(-LARGEST_STEP, LARGEST_STEP);
            self.up = (self.up + step - ALLOWANCE).clamp(0.0, LARGEST_SUM);
            self.down = (self.down - step - ALLOWANCE).clamp(0.0, LARGEST_SUM);
            sum = if self.up >= self.down { self.up } else { -self.down };
            self.level += off.clamp(-bound, bound) / DAY;
        }
        let settled = self.seen > SETTLED;
        let weight = if settled { (bound / (off.abs() + 1e-12)).min(1.0).powi(2) } else { 1.0 };
        self.learn(rate * weight, cpu, rest, slope);
        let largest = 4.0 * self.noise + if settled { 0.0 } else { 1.0 };
        self.noise += rate.max(NOISE_RATE) * (DEVIATION * off.abs().min(largest) - self.noise);
        sum
    }

    /// Moves means and moments towards a pair whose value lies `rest` off the line.
    fn learn(&mut self, rate: f64, cpu: f64, rest: f64, slope: f64) {
        let cpu_off = cpu - self.mean_cpu;
        // The slow level is not the line's business.
        let off = rest + slope * cpu_off - self.level;
        self.mean_cpu += rate * cpu_off;
        self.mean += rate * off;
        self.variance_cpu = (1.0 - rate) * (self.variance_cpu + rate * cpu_off * cpu_off);
        self.covariance = (1.0 - rate) * (self.covariance + rate * cpu_off * off);
    }

    /// Shows every field to an archive.
    pub(super) fn fields(&mut self, archive: &mut Archive) {
        for field in [
            &mut self.seen,
            &mut self.mean_cpu,
            &mut self.mean,
            &mut self.variance_cpu,
            &mut self.covariance,
            &mut self.noise,
            &mut self.level,
            &mut self.up,
            &mut self.down,
        ] {
            archive.f64(field);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(i: u64) -> f64 {
        (i as f64 * 0.618_033_988_749_895).fract() - 0.5
    }

    /// Memory that goes with the CPU, and leaks one percent an hour from a reading on; the largest sum of each day.
    fn largest(leak_from: u64) -> Vec<f64> {
        let (mut relation, mut days) = (Relation::default(), vec![0.0_f64; 10]);
        for i in 0..2880 {
            let cpu = 0.4 + 0.3 * (i as f64 / 61.0).sin() + 0.1 * noise(7 * i);
            let leak = 0.01 / 12.0 * i.saturating_sub(leak_from) as f64;
            let sum = relation.step(cpu, 0.5 + 0.2 * cpu + 0.01 * noise(i) + leak, 0.05);
            days[(i / 288) as usize] = days[(i / 288) as usize].max(sum.abs());
        }
        days
    }

    #[test]
    fn a_leak_adds_up_within_an_hour_and_the_load_of_the_day_does_not() {
        let calm = largest(u64::MAX);
        assert!(calm[3..].iter().all(|sum| *sum < 10.0), "{calm:?}");
        assert!(largest(2880 - 12)[9] > 2.0 * calm[9], "an hour of it");
        assert!(largest(2880 - 36)[9] > 40.0, "three hours of it");
    }

    #[test]
    fn what_stays_becomes_usual_and_nonsense_is_left_out() {
        let mut relation = Relation::default();
        let mut last = 0.0;
        for i in 0..6000 {
            let value = 0.5 + 0.01 * noise(i) + if i > 1000 { 0.02 } else { 0.0 };
            last = relation.step(0.3 + 0.1 * noise(3 * i), value, 0.05);
            assert_eq!(relation.step(f64::NAN, value, 0.05), 0.0);
            assert_eq!(relation.step(0.3, f64::INFINITY, 0.05), 0.0);
        }
        assert!(last.abs() < 5.0, "{last}");
    }

    #[test]
    fn constant_series_and_huge_values_stay_finite() {
        let mut relation = Relation::default();
        for i in 0..2000 {
            assert!(relation.step(0.5, if i < 1000 { 7.0 } else { 1e30 }, 0.0).is_finite());
        }
    }
}
