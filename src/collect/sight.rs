//! How much of a cloud the lists of Neutron and Octavia show: they leave out silently what the token may not see.
//!
//! A 200 with an empty list can mean "none" or "none of yours". The role `admin` sees all; of any other token that
//! is believed of a list only when it names things of other projects.

use super::Cx;
use super::health::Visibility;
use crate::model::metric::Metric;
use crate::model::part::PartBuilder;

/// What is known of a list so far.
pub(super) struct Sight {
    own: Option<String>,
    all: bool,
}

impl Sight {
    /// By the rights of the token.
    pub(super) async fn of(cx: &Cx) -> Self {
        match cx.client.cloud().session().await {
            Ok(session) => Self { all: session.is_admin() && !session.system, own: session.project_id.clone() },
            Err(_) => Self { own: None, all: false },
        }
    }

    /// Takes note of a thing that only its own project and those who see everything are shown.
    pub(super) fn see(&mut self, project: &str) {
        self.all = self.all || self.own.as_deref().is_some_and(|own| !project.is_empty() && own != project);
    }

    /// Whether things of all projects are seen.
    pub(super) fn sees_all(&self) -> bool {
        self.all
    }

    /// Says so in the report when not everything is seen.
    pub(super) fn report(&self, cx: &Cx) {
        if !self.all {
            cx.report.set_visibility(Visibility::Project);
        }
    }

    /// Whether a list may be empty only because nothing is shown.
    pub(super) fn hides(&self, items: usize) -> bool {
        !self.all && items == 0
    }

    /// A number of things, unless it may be 0 only because nothing is shown.
    pub(super) fn count(&self, part: &mut PartBuilder, metric: &'static Metric<0>, items: usize) {
        if !self.hides(items) {
            part.put(metric, [], items as f64);
        }
    }
}

#[cfg(test)]
impl Sight {
    /// Of an administrator, or of a token of this project.
    pub(super) fn test(own: Option<&str>) -> Self {
        Self { own: own.map(str::to_owned), all: own.is_none() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::sealed::{rows, seal};

    crate::metrics! {
        /// Things.
        THINGS = gauge "openstack_neutron_test_things" [], Count, "a test";
    }

    #[test]
    fn an_empty_list_is_a_zero_only_to_those_who_see_all() {
        assert_eq!(METRICS.len(), 1);
        let shown = |sight: &Sight, count| {
            let mut part = PartBuilder::new();
            sight.count(&mut part, &THINGS, count);
            rows(&seal(part), &THINGS)
        };
        assert_eq!(shown(&Sight::test(None), 0), [(String::new(), 0.0)]);
        let mut reader = Sight::test(Some("a"));
        assert_eq!(shown(&reader, 0), []);
        assert_eq!(shown(&reader, 2), [(String::new(), 2.0)]);
        reader.see("a");
        assert_eq!(shown(&reader, 0), []);
        reader.see("b");
        assert_eq!(shown(&reader, 0), [(String::new(), 0.0)]);
    }
}
