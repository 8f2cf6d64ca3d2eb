//! The answer as tables for people; what does not change is left out, but for the region as a whole.

use std::fmt::Write;

use crate::model::signal::Scope;
use crate::model::what_if::{Amounts, Dates, HostChanges, Outcome, PlaceChange, When};

/// Names that are told one by one.
const NAMES_MAX: usize = 10;
const ARROW: &str = "->";

/// The whole answer.
pub(super) fn render(outcome: &Outcome) -> String {
    let mut text = String::new();
    let at = outcome.at.map_or_else(|| "now".to_owned(), |When(at)| format!("on {at}"));
    line(&mut text, &format!("{} {}, {at}", outcome.cloud, outcome.region));
    hosts(&mut text, &outcome.hosts);
    places(&mut text, &outcome.places);
    let limits = outcome.limits.iter().filter(|row| row.before != row.after);
    let name = |resource: &Option<String>| resource.clone().unwrap_or_else(|| "nothing".to_owned());
    let limits =
        limits.map(|row| vec![place(row.scope, &row.entity), name(&row.before), ARROW.to_owned(), name(&row.after)]);
    table(&mut text, "Runs out first", &["PLACE", "NOW", "", "THEN"], limits.collect());
    rooms(&mut text, outcome);
    let survivals = outcome.resilience.iter().filter(|row| row.before != row.after).map(|row| {
        let told = |of: Option<_>| of.map_or_else(|| "no host".to_owned(), survives);
        vec![place(row.scope, &row.entity), told(row.before), ARROW.to_owned(), told(row.after)]
    });
    table(&mut text, "Hosts that may fail", &["PLACE", "NOW", "", "THEN"], survivals.collect());
    for note in &outcome.notes {
        line(&mut text, &format!("note: {note}"));
    }
    text
}

fn survives(of: crate::model::what_if::Survives) -> String {
    format!("{} of {}", of.evacuation_hosts, of.hosts)
}

/// Appends a line; writing to a string cannot fail.
fn line(text: &mut String, line: &str) {
    let _ = writeln!(text, "{}", line.trim_end());
}

fn hosts(text: &mut String, hosts: &HostChanges) {
    let names = |names: &[String]| {
        let more = names.len().saturating_sub(NAMES_MAX);
        let told = names.iter().take(NAMES_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
        if more > 0 { format!("{told} and {more} more") } else { told }
    };
    if !hosts.lost.is_empty() {
        line(text, &format!("hosts that go: {} ({})", hosts.lost.len(), names(&hosts.lost)));
        line(text, &format!("  {} instances move, {} find no host", hosts.instances_moved, hosts.instances_homeless));
    }
    if !hosts.added_like.is_empty() {
        let mut like = hosts.added_like.clone();
        like.dedup();
        line(text, &format!("hosts that come: {} (like {})", hosts.added_like.len(), names(&like)));
    }
    if hosts.instances_landed + hosts.instances_refused > 0 {
        let (landed, refused) = (hosts.instances_landed, hosts.instances_refused);
        line(text, &format!("instances that come: {landed} find a host, {refused} find none"));
    }
    if !hosts.refused_flavors.is_empty() {
        line(text, &format!("  no host for: {}", names(&hosts.refused_flavors)));
    }
}

fn places(text: &mut String, places: &[PlaceChange]) {
    let told = places.iter().filter(|row| row.scope == Scope::Cloud || row.before != row.after);
    let rows = told.map(|row| {
        let amount = |amounts: Amounts| quantity(&row.resource, amounts.free);
        let late = row.short_from.map_or_else(String::new, |When(at)| format!("short from {}", day(at)));
        vec![
            place(row.scope, &row.entity),
            row.resource.clone(),
            percent(row.before),
            ARROW.to_owned(),
            percent(row.after),
            amount(row.before),
            ARROW.to_owned(),
            amount(row.after),
            date(row.full_before),
            ARROW.to_owned(),
            date(row.full_after),
            late,
        ]
    });
    let head = ["PLACE", "RESOURCE", "IN USE", "", "THEN", "FREE", "", "THEN", "FULL", "", "THEN", ""];
    table(text, "Capacity (full: half of the simulated futures; soonest date in brackets)", &head, rows.collect());
}

fn rooms(text: &mut String, outcome: &Outcome) {
    let changed = outcome.headroom.iter().filter(|row| row.before != row.after);
    let rows: Vec<Vec<String>> = changed
        .map(|row| {
            let more = i64::from(row.after.instances) - i64::from(row.before.instances);
            vec![
                row.flavor.clone(),
                row.az.clone(),
                row.before.instances.to_string(),
                ARROW.to_owned(),
                row.after.instances.to_string(),
                format!("{more:+}"),
                row.before.limited_by.clone(),
                ARROW.to_owned(),
                row.after.limited_by.clone(),
            ]
        })
        .collect();
    let same = outcome.headroom.len() - rows.len();
    table(text, "Instances that still fit", &["FLAVOR", "AZ", "NOW", "", "THEN", "", "LIMITED BY", "", "THEN"], rows);
    if same > 0 {
        line(text, &format!("{same} of {} flavors and zones stay as they are", outcome.headroom.len()));
    }
}

fn place(scope: Scope, entity: &str) -> String {
    format!("{} {entity}", scope.as_str())
}

fn percent(amounts: Amounts) -> String {
    match amounts.utilization_ratio {
        Some(ratio) => format!("{:.1} %", ratio * 100.0),
        None if amounts.used > 0.0 => "no host".to_owned(),
        None => "-".to_owned(),
    }
}

/// Bytes in the unit that reads best; pieces as they are.
fn quantity(resource: &str, amount: f64) -> String {
    if !matches!(resource, "memory" | "disk") {
        return format!("{amount:.0}");
    }
    let units = [(1u64 << 40, "TiB"), (1 << 30, "GiB")];
    let (size, name) = units.into_iter().find(|(size, _)| amount >= *size as f64).unwrap_or((1 << 20, "MiB"));
    format!("{:.1} {name}", amount / size as f64)
}

fn date(dates: Option<Dates>) -> String {
    let Some(dates) = dates else { return "?".to_owned() };
    let mid = dates.mid.map_or_else(|| "not in sight".to_owned(), |When(at)| day(at));
    match dates.pessimistic {
        Some(When(at)) if dates.mid != dates.pessimistic => format!("{mid} ({})", day(at)),
        _ => mid,
    }
}

fn day(at: crate::model::clock::Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

/// Columns side by side; nothing without rows.
fn table(text: &mut String, title: &str, head: &[&str], rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return;
    }
    line(text, &format!("\n{title}"));
    let head: Vec<String> = head.iter().map(|name| (*name).to_owned()).collect();
    let width = |column: usize| {
        let cells = rows.iter().chain([&head]).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    for row in [&head].into_iter().chain(&rows) {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        line(text, &format!("  {}", cells.collect::<Vec<_>>().join("  ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::what_if::{Fits, LimitChange, RoomChange};

    #[test]
    fn what_changes_is_told_in_columns() {
        let amounts =
            |used: f64| Amounts { usable: 4e12, used, free: 4e12 - used, utilization_ratio: Some(used / 4e12) };
        let when = |text: &str| Some(When(crate::model::clock::Timestamp::parse(text).unwrap()));
        let dates = |mid: &str| Some(Dates { pessimistic: when("2027-01-01"), mid: when(mid), optimistic: None });
        let place = |scope, entity: &str, used| PlaceChange {
            scope,
            entity: entity.to_owned(),
            resource: "memory".to_owned(),
            before: amounts(2e12),
            after: amounts(used),
            full_before: dates("2027-05-01"),
            full_after: None,
            short_from: None,
            forecast_before: None,
            forecast_after: None,
        };
        let fits = |instances, limited_by: &str| Fits { instances, limited_by: limited_by.to_owned(), exact: true };
        let room = |flavor: &str, after| RoomChange {
            flavor: flavor.to_owned(),
            az: "a".to_owned(),
            before: fits(5, "disk"),
            after,
        };
        let outcome = Outcome {
            cloud: "c".to_owned(),
            region: "r".to_owned(),
            places: vec![place(Scope::Cloud, "c", 3e12), place(Scope::Az, "a", 2e12)],
            limits: vec![LimitChange {
                scope: Scope::Az,
                entity: "a".to_owned(),
                before: Some("disk".to_owned()),
                after: None,
            }],
            headroom: vec![room("large", fits(3, "memory")), room("small", fits(5, "disk"))],
            ..Outcome::default()
        };
        let text = render(&outcome);
        let expected = [
            "c r, now",
            "  cloud c  memory    50.0 %  ->  75.0 %  1.8 TiB  ->  931.3 GiB  2027-05-01 (2027-01-01)  ->  ?",
            "  az a   disk  ->  nothing",
            "  large   a   5    ->  3     -2  disk        ->  memory",
            "1 of 2 flavors and zones stay as they are",
        ];
        for line in expected {
            assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
        }
        assert!(!text.contains("az a   memory"), "what stays is left out");
    }
}
