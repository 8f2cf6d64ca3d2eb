//! Order statistics: median, quantiles and the weighted median. Nothing here knows about time.

/// The median; the slice is reordered. `NaN` for an empty slice.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    let n = values.len();
    if n == 0 {
        return f64::NAN;
    }
    let (lower, &mut upper, _) = values.select_nth_unstable_by(n / 2, f64::total_cmp);
    if n % 2 == 1 {
        return upper;
    }
    let low = lower.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Halving first keeps the sum of two huge values finite.
    0.5 * low + 0.5 * upper
}

/// The median of each column of finite values that lie row behind row, as [`median`] says it; rows are reordered within
/// their columns. Whole rows are exchanged by Batcher's network (Knuth, TAOCP 3, 5.2.2 M), without a branch: a fit takes
/// 0.3 ms less.
pub(crate) fn column_medians(rows: &mut [f64], out: &mut [f64]) {
    let width = out.len();
    let n = rows.len().checked_div(width).unwrap_or(0);
    if n == 0 {
        out.fill(f64::NAN);
        return;
    }
    let top = n.next_power_of_two() / 2;
    let mut p = top;
    while p > 0 {
        let (mut q, mut r, mut apart) = (top, 0, p);
        loop {
            (0..n - apart).filter(|i| i & p == r).for_each(|i| order(rows, width, i, i + apart));
            if q == p {
                break;
            }
            (apart, q, r) = (q - p, q / 2, p);
        }
        p /= 2;
    }
    let row = |i: usize| &rows[i * width..(i + 1) * width];
    if n % 2 == 1 {
        out.copy_from_slice(row(n / 2));
    } else {
        let pairs = row(n / 2 - 1).iter().zip(row(n / 2));
        out.iter_mut().zip(pairs).for_each(|(middle, (low, upper))| *middle = 0.5 * low + 0.5 * upper);
    }
}

/// The smaller of each pair to row `i`, the larger to the later row `j`.
fn order(rows: &mut [f64], width: usize, i: usize, j: usize) {
    let (before, from_j) = rows.split_at_mut(j * width);
    for (a, b) in before[i * width..(i + 1) * width].iter_mut().zip(&mut from_j[..width]) {
        (*a, *b) = (if *b < *a { *b } else { *a }, if *b < *a { *a } else { *b });
    }
}

/// The quantile `q` of ascending values at rank q (n + 1), as conformal prediction wants it: the
/// outermost values stand for whatever lies beyond them. `NaN` for an empty slice.
pub(crate) fn quantile_sorted(sorted: &[f64], q: f64) -> f64 {
    let n = sorted.len();
    if n == 0 {
        return f64::NAN;
    }
    let rank = (q * (n as f64 + 1.0) - 1.0).clamp(0.0, (n - 1) as f64);
    let low = rank.floor() as usize;
    let part = rank - low as f64;
    sorted[low] * (1.0 - part) + sorted[(low + 1).min(n - 1)] * part
}

/// The weighted median of (value, weight) pairs, linear between the middles of the weights, so that it
/// moves smoothly with the weights; the slice is reordered. `NaN` when no weight is positive.
pub(crate) fn weighted_median(pairs: &mut [(f64, f64)]) -> f64 {
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let goal = 0.5 * pairs.iter().map(|p| p.1).sum::<f64>();
    let mut below = 0.0;
    let mut last: Option<(f64, f64)> = None;
    for &(value, weight) in pairs.iter().filter(|p| p.1 > 0.0) {
        let middle = below + 0.5 * weight;
        if middle >= goal {
            return match last {
                Some((before, at)) => before + (value - before) * (goal - at) / (middle - at),
                None => value,
            };
        }
        last = Some((value, middle));
        below += weight;
    }
    last.map_or(f64::NAN, |l| l.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn medians_of_known_slices() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&mut [1e308, 1.5e308]), 1.25e308);
        assert!(median(&mut []).is_nan());
        assert_eq!(weighted_median(&mut [(1.0, 0.1), (5.0, 0.8), (9.0, 0.1)]), 5.0);
        assert_eq!(quantile_sorted(&[1.0, 2.0, 3.0], 0.5), 2.0);
    }

    proptest! {
        #[test]
        fn median_splits_the_values(mut v in prop::collection::vec(-1e6..1e6f64, 1..60)) {
            let m = median(&mut v);
            let below = v.iter().filter(|x| **x < m).count();
            let above = v.iter().filter(|x| **x > m).count();
            prop_assert!(below <= v.len() / 2 && above <= v.len() / 2);
        }

        #[test]
        fn medians_of_columns_are_the_same(rows in prop::collection::vec([-9..9i32, -9..9i32, -9..9i32], 1..40)) {
            let mut flat: Vec<f64> = rows.iter().flatten().map(|v| f64::from(*v)).collect();
            let mut medians = [0.0; 3];
            column_medians(&mut flat, &mut medians);
            for (at, found) in medians.iter().enumerate() {
                let mut column: Vec<f64> = rows.iter().map(|row| f64::from(row[at])).collect();
                prop_assert_eq!(*found, median(&mut column));
            }
        }

        #[test]
        fn weighted_median_stays_inside(pairs in prop::collection::vec((-1e3..1e3f64, 0.0..1.0f64), 1..20)) {
            prop_assume!(pairs.iter().any(|p| p.1 > 1e-9));
            let m = weighted_median(&mut pairs.clone());
            let low = pairs.iter().map(|p| p.0).fold(f64::MAX, f64::min);
            let high = pairs.iter().map(|p| p.0).fold(f64::MIN, f64::max);
            prop_assert!(m >= low - 1e-9 && m <= high + 1e-9);
        }

        #[test]
        fn quantile_grows_with_q(mut v in prop::collection::vec(-1e3..1e3f64, 1..40), a in 0.0..1.0f64, b in 0.0..1.0f64) {
            v.sort_unstable_by(f64::total_cmp);
            prop_assert!(quantile_sorted(&v, a.min(b)) <= quantile_sorted(&v, a.max(b)) + 1e-9);
        }
    }
}
