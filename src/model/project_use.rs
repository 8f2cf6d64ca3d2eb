//! How projects use their quotas, and when those end: of the projects that are followed, which use most of theirs.

use std::sync::Arc;

/// The project of rows that sum up all that have none of their own, so that all rows together are the whole.
pub const OTHER: &str = "other";

/// One quota of one project, or the sum of those that are not followed.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectUse {
    /// Id.
    pub project: Arc<str>,
    /// Name, where it may be read.
    pub name: Option<Arc<str>>,
    /// Resource: vcpu, memory, instances, disk, floating_ips.
    pub resource: Arc<str>,
    /// How many projects this stands for: more than one in rows of [`OTHER`].
    pub projects: u32,
    /// In use or reserved, in bytes or pieces.
    pub used: f64,
    /// The quota, in bytes or pieces.
    pub limit: f64,
    /// In use or reserved, over the quota.
    pub utilization: f64,
    /// Growth of that per day; none without a forecast that may be acted upon.
    pub daily_growth: Option<f64>,
    /// When the quota is used up in half of the simulated futures, seconds since the epoch; infinite for not inside the
    /// window.
    pub exhausted_at: Option<f64>,
}

impl ProjectUse {
    /// Growth over so many days by the trend, over what was in use before; none where nothing was.
    pub fn growth(&self, days: f64) -> Option<f64> {
        let grown = self.daily_growth? * days;
        let before = self.utilization - grown;
        (before > 0.0).then(|| grown / before)
    }
}

/// All followed projects of a region, by project and resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProjectUses(pub Vec<ProjectUse>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_counts_from_what_was_in_use_before() {
        let grown = |utilization, daily_growth| {
            let (project, resource) = (Arc::from("p"), Arc::from("vcpu"));
            let (projects, used, limit) = (1, utilization, 1.0);
            ProjectUse {
                project,
                name: None,
                resource,
                projects,
                used,
                limit,
                utilization,
                daily_growth,
                exhausted_at: None,
            }
            .growth(7.0)
        };
        assert_eq!(grown(0.75, Some(0.25 / 7.0)), Some(0.5));
        assert_eq!((grown(0.1, Some(0.02)), grown(0.1, None)), (None, None), "it began with nothing; it is not known");
    }
}
