//! Families that are made of an earlier one and of what has changed since.
//!
//! A collector of 50,000 rows of which fifty are new would spell, hash and compare all of them again. Here it puts the
//! fifty; spans without any of them are held in common with the earlier part, and cost nothing. What is new is for the
//! collector to know.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::draft::{Amended, Draft};
use super::family::Family;
use super::span::Piece;
use super::{Part, PartBuilder};
use crate::model::metric::Descriptor;

impl Part {
    /// The family of a row, if it can be amended: sorted by its labels, none cut off, and no histogram.
    pub fn in_order(&self, row: &Descriptor) -> Option<&Family> {
        // The very row: one that lacks labels, or has more of them, is another.
        let family = self.families.iter().find(|family| std::ptr::eq(family.descriptor(), row))?;
        let numbers = family.spans().first().is_some_and(|span| !span.held.are_histograms());
        (numbers && family.in_order && !row.labels.is_empty()).then_some(family)
    }
}

impl PartBuilder {
    /// Adds the samples of a family that is [`in order`](Part::in_order), but for those whose first label value is
    /// `stale`. What the builder has of that metric already is what there is of the stale ones now, sorted as well.
    pub fn amend(&mut self, earlier: &Family, stale: &BTreeSet<&str>) {
        self.family(earlier.row.clone(), false).amend(earlier, stale);
    }
}

impl Draft {
    fn amend(&mut self, earlier: &Family, stale: &BTreeSet<&str>) {
        let fresh = Arc::new(self.take_put());
        let new = |range| Piece::Rows(Arc::clone(&fresh), range);
        let mut cursor = earlier.cursor();
        let (mut pieces, mut kept, mut put) = (Vec::new(), 0, 0);
        for key in stale {
            let before = cursor.first_where(kept, |label| label >= *key);
            pieces.extend(cursor.pieces(kept..before));
            kept = cursor.first_where(before, |label| label > *key);
            let end = put + (put..fresh.len()).take_while(|row| fresh.key(*row) == *key).count();
            pieces.push(new(put..end));
            put = end;
        }
        pieces.extend(cursor.pieces(kept..earlier.len()));
        pieces.push(new(put..fresh.len()));
        // Sealing looks for itself where rows were put that are not sorted, or not stale.
        let in_order = put == fresh.len() && fresh.ascends();
        self.amended = Some(Amended { pieces, in_order });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::{Origin, PartKey};
    use super::*;
    use crate::model::clock::Timestamp;

    crate::metrics! {
        /// Things on hosts.
        THINGS = gauge "openstack_nova_amended_things" [host class], Count, "GET /things";
        /// Other things.
        OTHERS = gauge "openstack_nova_amended_others" [host], Count, "GET /things";
    }

    type Things = BTreeMap<(String, String), u8>;

    fn put<'r>(builder: &mut PartBuilder, rows: impl Iterator<Item = (&'r (String, String), &'r u8)>) {
        for ((host, class), value) in rows {
            builder.put(&THINGS, [host, class], f64::from(*value));
        }
    }

    fn seal(builder: PartBuilder) -> Part {
        let key = PartKey { group: "test", origin: Origin::LOCAL, source: "test".into() };
        builder.seal(key, Timestamp::default(), 10_000).0
    }

    fn whole(rows: &Things) -> Part {
        let mut builder = PartBuilder::new();
        put(&mut builder, rows.iter());
        builder.put(&OTHERS, ["a"], 1.0);
        seal(builder)
    }

    fn shown(part: &Part) -> Vec<(Vec<String>, f64)> {
        let samples = part.families.iter().flat_map(|family| family.samples());
        samples.map(|sample| (sample.labels().map(str::to_owned).collect(), sample.number())).collect()
    }

    fn rows() -> impl Strategy<Value = Things> {
        proptest::collection::btree_map(("[a-f]{1,2}", "[x-z]"), 0..3u8, 0..60)
    }

    proptest! {
        #[test]
        fn an_amended_family_is_the_one_made_anew(before in rows(), now in rows(), spared in "[a-f]{0,3}") {
            prop_assert_eq!(METRICS.len(), 2);
            // Hosts that are spared stay as they were; of the others some have changed and some have not.
            let is_spared = |host: &str| host.chars().next().is_some_and(|first| spared.contains(first));
            let of = |rows: &Things, spared: bool| -> Things {
                rows.iter().filter(|((host, _), _)| is_spared(host) == spared).map(|(k, v)| (k.clone(), *v)).collect()
            };
            let (mut now, fresh) = (of(&now, false), of(&now, false));
            now.extend(of(&before, true));
            let hosts: Vec<String> = before.keys().chain(now.keys()).map(|(host, _)| host.clone()).collect();
            let stale: BTreeSet<&str> = hosts.iter().map(String::as_str).filter(|host| !is_spared(host)).collect();

            let earlier = whole(&before);
            let Some(family) = earlier.in_order(&THINGS.descriptor) else {
                prop_assert!(before.is_empty());
                return Ok(());
            };
            let mut builder = PartBuilder::new();
            put(&mut builder, fresh.iter());
            builder.amend(family, &stale);
            builder.put(&OTHERS, ["a"], 1.0);
            let (amended, anew) = (seal(builder), whole(&now));
            if now.is_empty() {
                prop_assert!(amended.families[0].is_empty());
                return Ok(());
            }
            prop_assert_eq!(shown(&amended), shown(&anew));
            for (a, b) in amended.families.iter().zip(&anew.families) {
                prop_assert!(a.is_like(b));
            }
            prop_assert!(amended.in_order(&THINGS.descriptor).is_some());
        }
    }

    fn thing(builder: &mut PartBuilder, host: &str, class: &str, value: f64) {
        builder.put(&THINGS, [host, class], value);
    }

    #[test]
    fn what_is_put_out_of_order_is_not_lost_and_repetitions_are_dropped() {
        let mut builder = PartBuilder::new();
        ["a", "b", "c"].into_iter().for_each(|host| thing(&mut builder, host, "x", 1.0));
        let earlier = seal(builder);
        let mut builder = PartBuilder::new();
        thing(&mut builder, "b", "z", 2.0);
        thing(&mut builder, "b", "y", 3.0);
        thing(&mut builder, "a", "x", 4.0);
        builder.amend(earlier.in_order(&THINGS.descriptor).unwrap(), &["b"].into());
        let part = seal(builder);
        let values: Vec<f64> = part.families[0].samples().map(|sample| sample.number()).collect();
        assert_eq!(values, [1.0, 2.0, 3.0, 1.0], "the repeated a is the earlier one");
        assert!(part.in_order(&THINGS.descriptor).is_none());
    }

    /// Long enough for many spans, and a row that comes, goes or changes is in one of them.
    #[test]
    fn an_amended_family_holds_the_spans_that_no_change_is_in() {
        let host = |n: u32| format!("host-{n:05}-{}", "x".repeat(40));
        let make = |skip: &[u32], value: &dyn Fn(u32) -> f64| {
            let mut builder = PartBuilder::new();
            let hosts = (0..5000).filter(|n| !skip.contains(n));
            hosts.for_each(|n| thing(&mut builder, &host(n), "x", value(n)));
            builder
        };
        let earlier = seal(make(&[77], &|_| 1.0));
        let mut builder = PartBuilder::new();
        for (n, value) in [(0, 1.0), (77, 1.0), (2500, 2.0), (4999, 3.0)] {
            thing(&mut builder, &host(n), "x", value);
        }
        let stale: Vec<String> = [0, 77, 2500, 3100, 4999].map(host).into();
        let stale: BTreeSet<&str> = stale.iter().map(String::as_str).collect();
        builder.amend(earlier.in_order(&THINGS.descriptor).unwrap(), &stale);
        let amended = &seal(builder).families[0];
        let anew = seal(make(&[3100], &|n| match n {
            2500 => 2.0,
            4999 => 3.0,
            _ => 1.0,
        }));
        assert!(amended.is_like(&anew.families[0]));
        let before = earlier.families[0].spans();
        let shared = amended.spans().iter().filter(|a| before.iter().any(|b| a.held.is(&b.held))).count();
        assert!(before.len() > 20 && shared + 14 >= before.len(), "{shared} of {} are shared", before.len());
    }

    #[test]
    fn a_part_made_anew_holds_what_the_one_before_it_has() {
        let mut builder = PartBuilder::new();
        (0..3000).for_each(|n| thing(&mut builder, &format!("{n:099}"), "x", 1.0));
        let earlier = seal(builder);
        let mut builder = PartBuilder::new();
        (0..3000).filter(|n| *n != 1500).for_each(|n| thing(&mut builder, &format!("{n:099}"), "x", 1.0));
        let mut part = seal(builder);
        let before = shown(&part);
        part.share(&earlier);
        assert_eq!(shown(&part), before);
        let spans = |part: &Part| part.families[0].spans().to_vec();
        let shared = spans(&part).iter().filter(|a| spans(&earlier).iter().any(|b| a.held.is(&b.held))).count();
        assert!(shared > 20 && shared < spans(&part).len(), "{shared} of {}", spans(&part).len());
        let mut again = earlier.clone();
        again.share(&earlier);
        assert!(again.prints_like(&earlier) && !part.prints_like(&earlier));
    }

    /// More text than a chunk holds, sorted or not.
    #[test]
    fn chunks_make_one_family() {
        let host = |n: u32| format!("{n:06}-{}", "x".repeat(90));
        for numbers in [(0..6000).collect::<Vec<u32>>(), (0..6000).rev().chain([17]).collect()] {
            let mut builder = PartBuilder::new();
            numbers.iter().for_each(|n| thing(&mut builder, &host(*n), "x", f64::from(*n)));
            let part = seal(builder);
            let family = &part.families[0];
            assert_eq!(family.in_order, numbers[0] == 0);
            assert_eq!(shown(&part).len(), 6000, "the repeated 17 is dropped");
            let values = family.samples().map(|sample| sample.number());
            assert!(values.eq(numbers.iter().take(6000).map(|n| f64::from(*n))));
        }
    }

    #[test]
    fn only_what_is_sorted_and_has_all_its_labels_can_be_amended() {
        let mut builder = PartBuilder::new();
        thing(&mut builder, "b", "x", 1.0);
        thing(&mut builder, "a", "x", 1.0);
        assert!(seal(builder).in_order(&THINGS.descriptor).is_none());
        let mut builder = PartBuilder::new();
        thing(&mut builder, "a", "x", 1.0);
        builder.drop_labels(|_, label| label == "class");
        assert!(seal(builder).in_order(&THINGS.descriptor).is_none());
        let mut builder = PartBuilder::new();
        ["a", "b"].into_iter().for_each(|host| thing(&mut builder, host, "x", 1.0));
        let mut part = seal(builder);
        assert!(part.in_order(&THINGS.descriptor).is_some());
        part.truncate(1);
        assert!(part.in_order(&THINGS.descriptor).is_none(), "there is more than it shows");
    }
}
