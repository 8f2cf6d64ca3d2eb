//! Groups of hosts that nobody wrote down: those whose days are alike, by k-means over daily profiles (smartcore).
//!
//! Only the shape of the day counts, not its height: a host that does more than its like is to be found among them, not
//! set apart. It is asked once a day; groups that change with every reading would compare nothing.

use smartcore::cluster::kmeans::{KMeans, KMeansParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;

use crate::analyse::anomaly::peers::SMALLEST_GROUP;

/// Hours of a day.
pub(super) type Profile = [f64; 24];

/// More kinds of hosts than this are not looked for.
const KINDS_MAX: usize = 4;
/// How much nearer to its own group's centre than to the next a host is on average, from 0 to 1, for groups to be told apart.
const CLEAR: f64 = 0.5;
/// A day that moves by less than this share of its level is flat.
const FLAT: f64 = 0.1;

/// Numbers the groups of alike days; none where all are alike, or too few to tell.
pub(super) fn cluster(profiles: &[Profile]) -> Option<Vec<usize>> {
    if profiles.len() < 2 * SMALLEST_GROUP {
        return None;
    }
    let shapes: Vec<Vec<f64>> = profiles.iter().map(shape).collect();
    let data = DenseMatrix::from_2d_vec(&shapes).ok()?;
    let most = KINDS_MAX.min(profiles.len() / SMALLEST_GROUP);
    let mut best: Option<(f64, Vec<usize>)> = None;
    for k in 2..=most {
        let mut parameters = KMeansParameters::default().with_k(k);
        parameters.seed = Some(1);
        let Ok(model) = KMeans::<f64, u32, _, Vec<u32>>::fit(&data, parameters) else { continue };
        let Ok(labels) = model.predict(&data) else { continue };
        let labels: Vec<usize> = labels.into_iter().map(|label| label as usize).collect();
        let sizes = (0..k).map(|label| labels.iter().filter(|l| **l == label).count());
        if sizes.min().is_none_or(|least| least < SMALLEST_GROUP) {
            continue;
        }
        let clear = silhouette(&shapes, &labels, k);
        if clear > CLEAR && best.as_ref().is_none_or(|(before, _)| clear > *before) {
            best = Some((clear, labels));
        }
    }
    best.map(|(_, labels)| labels)
}

/// A day without its level, and of unit height unless it is flat.
fn shape(profile: &Profile) -> Vec<f64> {
    let level = profile.iter().sum::<f64>() / 24.0;
    let spread = (profile.iter().map(|v| (v - level).powi(2)).sum::<f64>() / 24.0).sqrt();
    let height = spread.max(FLAT * level.abs()).max(f64::MIN_POSITIVE);
    profile.iter().map(|v| (v - level) / height).collect()
}

/// Mean of 1 - (distance to the own centre / distance to the nearest other one).
fn silhouette(shapes: &[Vec<f64>], labels: &[usize], k: usize) -> f64 {
    let centres: Vec<Vec<f64>> = (0..k).map(|label| centre(shapes, labels, label)).collect();
    let mut sum = 0.0;
    for (shape, label) in shapes.iter().zip(labels) {
        let (mut own, mut other) = (0.0, f64::INFINITY);
        for (number, centre) in centres.iter().enumerate() {
            let distance = shape.iter().zip(centre).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
            if number == *label {
                own = distance;
            } else {
                other = other.min(distance);
            }
        }
        let largest = own.max(other);
        sum += if largest > 0.0 { (other - own) / largest } else { 0.0 };
    }
    sum / shapes.len().max(1) as f64
}

fn centre(shapes: &[Vec<f64>], labels: &[usize], label: usize) -> Vec<f64> {
    let mut sum = [0.0; 24];
    let mut count = 0.0;
    for (shape, _) in shapes.iter().zip(labels).filter(|(_, l)| **l == label) {
        sum.iter_mut().zip(shape).for_each(|(s, v)| *s += v);
        count += 1.0;
    }
    sum.iter().map(|s| s / f64::max(count, 1.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(peak: f64, height: f64, noise: usize) -> Profile {
        std::array::from_fn(|hour| {
            let wave = ((hour as f64 - peak) / 24.0 * std::f64::consts::TAU).cos();
            0.4 + height * wave + ((hour * 7 + noise * 13) % 11) as f64 * 0.004
        })
    }

    #[test]
    fn hosts_of_unlike_days_are_told_apart_whatever_their_height() {
        let office = (0..8).map(|n| day(14.0, 0.1 + 0.02 * n as f64, n));
        let batch = (0..7).map(|n| day(2.0, 0.2 + 0.01 * n as f64, n));
        let profiles: Vec<Profile> = office.chain(batch).collect();
        let labels = cluster(&profiles).expect("two kinds");
        assert!(labels[..8].iter().all(|label| *label == labels[0]), "{labels:?}");
        assert!(labels[8..].iter().all(|label| *label == labels[8]), "{labels:?}");
        assert_ne!(labels[0], labels[8]);
    }

    #[test]
    fn alike_flat_and_few_hosts_stay_together() {
        assert_eq!(cluster(&(0..20).map(|n| day(14.0, 0.2, n)).collect::<Vec<_>>()), None);
        assert_eq!(cluster(&vec![[0.5; 24]; 20]), None);
        assert_eq!(cluster(&[day(2.0, 0.2, 1), day(14.0, 0.2, 1)]), None);
        assert_eq!(cluster(&[]), None);
    }
}
