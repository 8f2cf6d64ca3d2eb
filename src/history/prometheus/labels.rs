//! Labels of a series to its key, as the signal's query says.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::history::Want;
use crate::model::part::Origin;
use crate::model::signal::{Basis, Query, Scope, SeriesKey};

/// From the text of a label to the entity, where that takes more than the text.
pub(in crate::history) trait Placing: Send + Sync {
    /// The entity and its region, of which the labels may tell a part; none if the text means no entity.
    fn place(&self, text: &str, told: Origin) -> Option<(Origin, Arc<str>)>;
}

/// How series of one question are named.
pub(super) struct Mapping<'a> {
    query: &'a Query,
    placing: Option<&'a dyn Placing>,
    signal: Arc<str>,
    only: Option<&'a BTreeSet<Arc<SeriesKey>>>,
    /// Texts that many series share (cloud, region, resource), each kept once.
    shared: HashMap<String, Arc<str>>,
}

impl<'a> Mapping<'a> {
    pub(super) fn new(want: &'a Want, placing: Option<&'a dyn Placing>) -> Self {
        let signal = Arc::from(want.signal.name.as_ref());
        Self { query: &want.signal.query, placing, signal, only: want.only.as_ref(), shared: HashMap::new() }
    }

    /// Name of the signal.
    pub(super) fn signal(&self) -> &str {
        &self.signal
    }

    /// Whether a series is asked for.
    pub(super) fn wanted(&self, key: &SeriesKey) -> bool {
        self.only.is_none_or(|only| only.contains(key))
    }

    /// The key that labels make; none if one is missing or unknown.
    pub(super) fn key(&mut self, labels: &BTreeMap<Cow<'_, str>, Cow<'_, str>>) -> Option<SeriesKey> {
        let label = |name: &str| labels.get(name).map(AsRef::as_ref).filter(|value: &&str| !value.is_empty());
        let scope = match self.query.scope {
            Some(scope) => scope,
            None => Scope::parse(label("scope")?)?,
        };
        let basis = match (self.query.basis, label("basis")) {
            (Some(basis), _) => Some(basis),
            // Somebody else's labels mean something else.
            (None, Some(text)) if self.placing.is_none() => Some(Basis::parse(text)?),
            (None, _) => None,
        };
        // A region as a whole goes by the name of its cloud.
        let all = self.query.entity_label.is_empty().then(|| all_of(labels));
        let entity = all.as_deref().or_else(|| label(&self.query.entity_label));
        let entity = entity.or_else(|| label("cloud").filter(|_| scope == Scope::Cloud))?;
        let query = self.query;
        let resource = match &query.resource {
            Some(resource) => resource,
            None => label("resource").unwrap_or_default(),
        };
        let origin = Origin {
            cloud: label("cloud").map(|text| self.share(text)),
            region: label("region").map(|text| self.share(text)),
        };
        let (origin, entity) = match self.placing {
            Some(placing) => placing.place(entity, origin)?,
            None => (origin, Arc::from(entity)),
        };
        let resource = self.share(resource);
        Some(SeriesKey { signal: Arc::clone(&self.signal), origin, scope, entity, resource, basis })
    }

    fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.shared.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(text);
        self.shared.insert(text.to_owned(), Arc::clone(&new));
        new
    }
}

/// All labels but the name, as PromQL writes them.
fn all_of(labels: &BTreeMap<Cow<'_, str>, Cow<'_, str>>) -> String {
    let pairs = labels.iter().filter(|(name, _)| *name != "__name__").map(|(name, value)| format!("{name}={value:?}"));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::testing::want;

    fn labels<'a>(pairs: &[(&'a str, &'a str)]) -> BTreeMap<Cow<'a, str>, Cow<'a, str>> {
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    #[test]
    fn fixed_parts_win_and_labels_tell_the_rest() {
        let mut want = want("load", 0, 1, 1);
        let full = labels(&[("cloud", "c"), ("region", "r"), ("scope", "az"), ("entity", "n1"), ("basis", "demand")]);
        let key = Mapping::new(&want, None).key(&full).unwrap();
        assert_eq!((key.scope, &*key.entity, key.basis), (Scope::Hypervisor, "n1", Some(Basis::Demand)));
        assert_eq!(key.origin, Origin::new("c", "r"));
        let signal = Arc::make_mut(&mut want.signal);
        (signal.query.scope, signal.query.resource) = (None, Some("vcpu".into()));
        let key = Mapping::new(&want, None).key(&full).unwrap();
        assert_eq!((key.scope, &*key.resource), (Scope::Az, "vcpu"));
        let mut mapping = Mapping::new(&want, None);
        assert!(mapping.key(&labels(&[("scope", "az")])).is_none(), "no entity");
        assert!(mapping.key(&labels(&[("entity", "n1")])).is_none(), "no scope");
        assert!(mapping.key(&labels(&[("entity", "n1"), ("scope", "az"), ("basis", "x")])).is_none());
        let cloud = mapping.key(&labels(&[("cloud", "c"), ("scope", "cloud")])).unwrap();
        assert_eq!((&*cloud.entity, cloud.origin.region), ("c", None));
        let mut want = want.clone();
        Arc::make_mut(&mut want.signal).query.entity_label = "".into();
        let key = Mapping::new(&want, None).key(&labels(&[("__name__", "up"), ("scope", "az"), ("b", "x\"y")]));
        assert_eq!(&*key.unwrap().entity, "{b=\"x\\\"y\",scope=\"az\"}");
    }
}
