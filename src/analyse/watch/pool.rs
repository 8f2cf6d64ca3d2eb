//! How far a test must go on a day to be news: what an ordinary day does once in a thousand, by the series' own days and
//! by those of its like.
//!
//! The largest values of days follow a Gumbel distribution. A few weeks of one series know its place well and its tail
//! badly, so the tail is that of all series of the same signal and scope together, each in units of its own median;
//! and a series is quiet only as far as its like are: what moves once in a week must not be judged by its six days of
//! rest. Place and width come from quantiles, so that a few anomalies among the days change little.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::days::DIRECTIONS;
use super::evidence::Test;
use super::watched::Watched;
use crate::model::part::Origin;
use crate::model::signal::{Scope, SeriesKey};

/// Score 1 is what an ordinary day does once in so many days.
const RETURN_DAYS: f64 = 1000.0;
/// A series with fewer days of its own is judged by its like alone.
const ENOUGH: usize = 5;
/// Days of its like that a judgement takes, then.
const ENOUGH_TOGETHER: usize = 28;
/// Quantile that the common tail is drawn through, besides the median.
const HIGH: f64 = 0.97;
/// The width of the common tail is at least this share of the median.
const NARROWEST: f64 = 0.1;
/// The same for a single series, whose days may be alike by chance.
const NARROWEST_ALONE: f64 = 0.12;
/// What an ordinary day's largest value is multiplied by at least, where no day has had any.
pub(super) const SHORTEST_TAIL: f64 = 0.654;
/// What so many of the days before have seen is not rare: a series that keeps crying raises its own bar,
const REPEATED: usize = 3;
/// to so many times of what it cried at.
const RAISED: f64 = 1.25;
/// Width of a Gumbel distribution in its interquartile range, and place in its median.
const WIDTH_OF_QUARTILES: f64 = 1.0 / 1.572_5;
const PLACE_OF_MEDIAN: f64 = 0.366_5;

/// Series that are judged by each other's days: signal, resource and basis of a region, by kind of entity.
type Like = (Origin, Scope, Arc<str>, Arc<str>, Option<crate::model::signal::Basis>);

/// Sets every series' limits for the day that begins at `now`. `smallest` is the floor of a series' deviations.
pub(super) fn calibrate(
    series: &mut BTreeMap<Arc<SeriesKey>, Watched>,
    now: i64,
    smallest: impl Fn(&SeriesKey) -> f64,
) {
    let mut likes: BTreeMap<Like, Vec<Arc<SeriesKey>>> = BTreeMap::new();
    for (key, watched) in series.iter_mut() {
        watched.evidence.days.iter_mut().for_each(|days| days.turn(now));
        likes.entry(like(key)).or_default().push(Arc::clone(key));
    }
    for members in likes.into_values() {
        let floor = members.first().map_or(0.0, |key| smallest(key));
        for (number, test) in Test::ALL.into_iter().enumerate() {
            for direction in 0..DIRECTIONS {
                set(series, &members, (number, test, direction), test.smallest(floor));
            }
        }
    }
}

fn like(key: &SeriesKey) -> Like {
    // Clouds, zones and aggregates are few, and sums of the same hosts.
    let scope = if matches!(key.scope, Scope::Az | Scope::Aggregate) { Scope::Cloud } else { key.scope };
    (key.origin.clone(), scope, Arc::clone(&key.signal), Arc::clone(&key.resource), key.basis)
}

/// Sets the limits of like series by one test in one direction.
fn set(
    series: &mut BTreeMap<Arc<SeriesKey>, Watched>,
    members: &[Arc<SeriesKey>],
    (number, test, direction): (usize, Test, usize),
    smallest: f64,
) {
    let days: Vec<Vec<f64>> = members
        .iter()
        .map(|key| {
            let known = series.get(key).and_then(|watched| watched.evidence.days.get(number));
            sorted(known.map_or([].as_slice(), |days| days.before(direction)).iter().copied().map(f64::from))
        })
        .collect();
    let common = Common::of(&days, smallest);
    for (key, own) in members.iter().zip(&days) {
        let limit = common.as_ref().and_then(|common| common.limit(own, test.margin()));
        let days = series.get_mut(key).and_then(|watched| watched.evidence.days.get_mut(number));
        if let Some(days) = days {
            days.limit(direction, limit.map(|limit| test.margin() * limit));
        }
    }
}

/// What like series have in common.
struct Common {
    /// The least that a day's largest value is measured in.
    scale: f64,
    /// What one day in a thousand reaches, in scales.
    tail: f64,
    days: usize,
}

impl Common {
    /// By the sorted days of each series.
    fn of(days: &[Vec<f64>], smallest: f64) -> Option<Self> {
        let known = || days.iter().filter(|own| !own.is_empty());
        let medians = sorted(known().filter_map(|own| quantile(own, 0.5)));
        let scale = quantile(&medians, 0.5)?.max(smallest).max(f64::MIN_POSITIVE);
        let of_own = |own: &Vec<f64>| {
            let unit = quantile(own, 0.5).map_or(scale, |median| median.max(scale));
            own.iter().map(|day| day / unit).collect::<Vec<_>>()
        };
        let ratios = sorted(known().flat_map(of_own));
        let (median, high) = (quantile(&ratios, 0.5)?, quantile(&ratios, HIGH)?);
        let width = ((high - median) / (gumbel(HIGH) - gumbel(0.5))).max(NARROWEST);
        let tail = median + width * (gumbel(1.0 - 1.0 / RETURN_DAYS) - gumbel(0.5));
        Some(Self { scale, tail, days: ratios.len() })
    }

    /// What is score 1 for one of them: by its like, and by its own days if they say more.
    fn limit(&self, own: &[f64], margin: f64) -> Option<f64> {
        if own.len() < ENOUGH {
            return (self.days >= ENOUGH_TOGETHER).then_some(self.scale * self.tail);
        }
        let median = quantile(own, 0.5)?;
        // Few days know their width badly.
        let doubt = 1.0 + 2.0 / own.len() as f64;
        let quartiles = quantile(own, 0.75)? - quantile(own, 0.25)?;
        let width = (quartiles * WIDTH_OF_QUARTILES).max(NARROWEST_ALONE * median) * doubt;
        let alone = median - PLACE_OF_MEDIAN * width + RETURN_DAYS.ln() * width;
        let repeated = own.len().checked_sub(REPEATED).and_then(|at| own.get(at)).copied().unwrap_or(0.0);
        // In few days, three are no exception.
        let repeated = if own.len() >= 3 * REPEATED { RAISED * repeated } else { 0.0 };
        Some(alone.max(median.max(self.scale) * self.tail).max(repeated / margin))
    }
}

/// Probability of a day with such a score.
pub(super) fn rarity(score: f64) -> f64 {
    RETURN_DAYS.powf(-score)
}

/// The standard Gumbel distribution's quantile.
fn gumbel(share: f64) -> f64 {
    -(-share.ln()).ln()
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// A quantile of sorted values, between two of them by share.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    let (low, high) = (sorted.get(place.floor() as usize)?, sorted.get(place.ceil() as usize)?);
    Some(low + (high - low) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Largest values from 0.8 to 1.2.
    fn ordinary(days: usize, seed: usize) -> Vec<f64> {
        sorted((0..days).map(|day| 0.8 + 0.4 * ((day + 31 * seed) as f64 * 0.618_033_988_75).fract()))
    }

    #[test]
    fn an_ordinary_day_is_no_news_and_three_times_as_much_is() {
        let alone = [ordinary(14, 0)];
        let limit = Common::of(&alone, 0.0).unwrap().limit(&alone[0], 1.0).unwrap();
        assert!((1.3..3.0).contains(&limit), "{limit}");
        let few = [ordinary(4, 0)];
        assert_eq!(Common::of(&few, 0.0).unwrap().limit(&few[0], 1.0), None, "four days of one series say nothing");
        assert!(Common::of(&[], 0.0).is_none());
    }

    #[test]
    fn the_like_know_the_tail_that_one_series_has_not_seen() {
        let wild = |seed| {
            let mut days = ordinary(14, seed);
            days.extend([2.5, 3.0]);
            days
        };
        let together: Vec<Vec<f64>> =
            (0..10).map(|seed| if seed == 0 { ordinary(16, 0) } else { wild(seed) }).collect();
        let common = Common::of(&together, 0.0).unwrap();
        let calm = Common::of(&together[..1], 0.0).unwrap().limit(&together[0], 1.0).unwrap();
        assert!(common.limit(&together[0], 1.0).unwrap() > 1.5 * calm);
        assert!(common.limit(&[], 1.0).unwrap() > 2.0, "a new one is judged by them alone");
    }

    #[test]
    fn the_quiet_are_measured_by_their_like_and_by_the_floor() {
        let mut days: Vec<Vec<f64>> = (0..9).map(|seed| ordinary(14, seed)).collect();
        days.push(vec![0.0; 14]);
        let common = Common::of(&days, 0.0).unwrap();
        assert!(common.limit(&days[9], 1.0).unwrap() > 1.3, "rest is no reason to wake anybody at the first move");
        let still = [vec![0.0; 14]];
        assert!(Common::of(&still, 3.0).unwrap().limit(&still[0], 1.0).unwrap() >= 1.9);
    }
}
