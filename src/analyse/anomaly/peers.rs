//! A machine against its group at the same instant, by median and median absolute deviation. What moves the whole group
//! moves the median with it, and is nobody's outlier: it is one anomaly of the group, found in the series of the median.
//! It does not choose the groups, and remembers nothing.

/// No opinion about a smaller group.
pub const SMALLEST_GROUP: usize = 5;
/// Robust standard deviations that are score 1.
const OUTLIER: f64 = 6.0;
/// Median absolute deviation of a normal distribution, in standard deviations.
const MAD_OF_NORMAL: f64 = 0.6745;

/// A group at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Peers {
    /// The median: what is usual right now. Its own series is where an anomaly of the whole group shows.
    pub median: f64,
    /// Per member: how far off, above 1 is an outlier; none for a member without a value.
    pub scores: Vec<Option<f64>>,
    /// Members with a value.
    pub size: usize,
}

/// Compares the members of a group; none when fewer than [`SMALLEST_GROUP`] have a value. Differences below `floor` (in
/// the unit of the values) are never outliers, however alike the others are.
pub fn compare(values: &[f64], floor: f64) -> Option<Peers> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    let size = sorted.len();
    if size < SMALLEST_GROUP {
        return None;
    }
    let median = middle(&mut sorted);
    sorted.iter_mut().for_each(|v| *v = (*v - median).abs());
    let deviation = middle(&mut sorted) / MAD_OF_NORMAL;
    let scale = deviation.max(floor / OUTLIER).max(1e-9 * median.abs()).max(f64::MIN_POSITIVE);
    let score = |v: f64| ((v - median).abs() / (OUTLIER * scale)).min(1e6);
    let scores = values.iter().map(|v| v.is_finite().then(|| score(*v))).collect();
    Some(Peers { median, scores, size })
}

fn middle(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    let upper = values.get(half).copied().unwrap_or(0.0);
    if values.len() % 2 == 1 { upper } else { values.get(half - 1).copied().unwrap_or(upper).midpoint(upper) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_one_that_differs_is_the_outlier_and_the_fleet_is_not() {
        let quiet = [0.30, 0.31, 0.29, 0.30, 0.33, 0.28, 0.95];
        let peers = compare(&quiet, 0.05).unwrap();
        let outliers: Vec<_> = peers.scores.iter().map(|s| s.unwrap() > 1.0).collect();
        assert_eq!(outliers, [false, false, false, false, false, false, true]);
        let busy = quiet.map(|v| v + 0.5);
        let moved = compare(&busy, 0.05).unwrap();
        for (a, b) in peers.scores.iter().zip(moved.scores) {
            assert!((a.unwrap() - b.unwrap()).abs() < 1e-9, "a shift of all changes nobody's score");
        }
    }

    #[test]
    fn alike_machines_need_a_floor_to_be_left_alone() {
        let values = [0.1, 0.1, 0.1, 0.1, 0.1, 0.101];
        assert!(compare(&values, 0.0).unwrap().scores[5].unwrap() > 1.0);
        assert!(compare(&values, 0.05).unwrap().scores[5].unwrap() < 1.0);
    }

    #[test]
    fn a_small_group_and_missing_members() {
        assert_eq!(compare(&[1.0, 2.0, 3.0, 4.0, f64::NAN], 0.0), None);
        assert_eq!(compare(&[1.0, 2.0, 3.0, 4.0, 5.0, f64::NAN], 0.0).unwrap().scores[5], None);
    }

    proptest! {
        #[test]
        fn never_more_than_half_are_outliers(values in proptest::collection::vec(-1e6..1e6f64, 5..50)) {
            let peers = compare(&values, 0.0).unwrap();
            let outliers = peers.scores.iter().filter(|s| s.is_some_and(|s| s > 1.0)).count();
            prop_assert!(2 * outliers <= values.len());
        }
    }
}
