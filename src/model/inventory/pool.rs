//! Pools of the block storage service.

use std::sync::Arc;

/// A pool as Cinder's scheduler knows it; what a driver does not tell is none. GiB throughout.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// `host@backend#pool`, as volumes name it; the entity of the pool scope.
    pub name: Arc<str>,
    /// `volume_backend_name` of its driver; several pools may share it.
    pub backend: Arc<str>,
    /// Capacity; infinite where the driver has no bounds.
    pub total_gib: Option<f64>,
    /// What is not written yet.
    pub free_gib: Option<f64>,
    /// Sum of the sizes of the volumes that Cinder has placed there.
    pub allocated_gib: Option<f64>,
    /// Sum of the sizes of all volumes there, also of those that Cinder did not make.
    pub provisioned_gib: Option<f64>,
    /// How many times the capacity may be provisioned, for thin volumes.
    pub max_over_subscription_ratio: Option<f64>,
    /// Percentage of the capacity that the scheduler leaves alone.
    pub reserved_percentage: f64,
    /// Whether volumes take space as they are written only.
    pub thin: bool,
}

impl Pool {
    /// What may be provisioned in all: capacity without the reserve, times the over-subscription for thin volumes.
    pub fn provisionable_gib(&self) -> Option<f64> {
        let total = self.total_gib?;
        let usable = total - (total * self.reserved_percentage / 100.0).floor();
        Some(if self.thin { usable * self.max_over_subscription_ratio.unwrap_or(1.0) } else { usable })
    }

    /// What may still be provisioned, as Cinder's scheduler reckons (`virtual_free`).
    pub fn virtual_free_gib(&self) -> Option<f64> {
        let left = self.provisionable_gib()? - self.provisioned_gib.or(self.allocated_gib)?;
        Some(match self.free_gib {
            Some(free) if !self.thin => left.min(free),
            _ => left,
        })
    }
}

/// All pools, by name.
#[derive(Clone, Debug, Default)]
pub struct Pools(pub Vec<Pool>);

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(thin: bool) -> Pool {
        Pool {
            name: Arc::from("h@b#p"),
            backend: Arc::from("b"),
            total_gib: Some(1000.0),
            free_gib: Some(300.0),
            allocated_gib: Some(400.0),
            provisioned_gib: Some(500.0),
            max_over_subscription_ratio: Some(2.0),
            reserved_percentage: 10.0,
            thin,
        }
    }

    #[test]
    fn what_is_left_is_reckoned_as_the_scheduler_does() {
        assert_eq!(pool(true).provisionable_gib(), Some(1800.0));
        assert_eq!(pool(true).virtual_free_gib(), Some(1300.0));
        assert_eq!(pool(false).virtual_free_gib(), Some(300.0), "thick: no more than is free");
        let roomy = Pool { free_gib: Some(800.0), ..pool(false) };
        assert_eq!(roomy.virtual_free_gib(), Some(400.0));
        let silent = Pool { total_gib: None, ..pool(true) };
        assert_eq!(silent.virtual_free_gib(), None);
        let only_allocated = Pool { provisioned_gib: None, ..pool(true) };
        assert_eq!(only_allocated.virtual_free_gib(), Some(1400.0));
    }
}
