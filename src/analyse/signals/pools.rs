//! Pools of the block storage service: what is promised of them, and what is written.

use std::sync::Arc;

use super::compute::UTILIZATION;
use super::{Reader, Source};
use crate::analyse::capacity::Place;
use crate::model::inventory::pool::{Pool, Pools};
use crate::model::signal::{Basis, Scope};

pub(super) const SOURCE: Source = Source { collector: "volume.pools", signals: &[&UTILIZATION], read };

fn read(reader: &mut Reader<'_>) {
    let Some(pools) = reader.snapshot.table::<Pools>(reader.origin) else { return };
    for pool in &pools.0 {
        let place = Place { scope: Scope::Pool, entity: Arc::clone(&pool.name) };
        for (basis, ratio) in [(Basis::Allocation, promised(pool)), (Basis::Demand, written(pool))] {
            if let Some(ratio) = ratio {
                reader.utilization(&place, "disk", basis, ratio);
            }
        }
    }
}

/// Sizes of volumes over what may be provisioned. A pool without bounds is never full.
fn promised(pool: &Pool) -> Option<f64> {
    let provisionable = pool.provisionable_gib().filter(|gib| gib.is_finite() && *gib > 0.0)?;
    Some(pool.provisioned_gib.or(pool.allocated_gib)? / provisionable)
}

fn written(pool: &Pool) -> Option<f64> {
    let total = pool.total_gib.filter(|gib| gib.is_finite() && *gib > 0.0)?;
    Some((1.0 - pool.free_gib? / total).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_may_pass_what_is_there_and_silence_is_no_zero() {
        let pool = Pool {
            name: Arc::from("h@b#p"),
            backend: Arc::from("b"),
            total_gib: Some(1000.0),
            free_gib: Some(300.0),
            allocated_gib: Some(400.0),
            provisioned_gib: Some(2000.0),
            max_over_subscription_ratio: Some(2.0),
            reserved_percentage: 10.0,
            thin: true,
        };
        assert_eq!((promised(&pool), written(&pool)), (Some(2000.0 / 1800.0), Some(0.7)));
        let endless = Pool { total_gib: Some(f64::INFINITY), ..pool.clone() };
        assert_eq!((promised(&endless), written(&endless)), (None, None));
        let silent = Pool { free_gib: None, provisioned_gib: None, allocated_gib: None, ..pool };
        assert_eq!((promised(&silent), written(&silent)), (None, None));
    }
}
