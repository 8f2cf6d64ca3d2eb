//! docs/metrics.md: every metric, from the tables that the program fills.

use std::fmt::Write;

use crate::collect;
use crate::model::metric::{Descriptor, Kind, Space, Unit};

const HEAD: &str = include_str!("metrics_head.md");

/// Rows that belong together: a service, the host, stackcast itself.
struct Group {
    title: String,
    rows: Vec<&'static Descriptor>,
}

/// Every table of the program; the one place to add another stage's.
fn all_tables() -> Vec<Group> {
    let group = |title: &str, tables: Vec<&'static [&'static Descriptor]>| Group {
        title: title.to_owned(),
        rows: tables.into_iter().flatten().copied().collect(),
    };
    let mut groups: Vec<Group> =
        collect::SERVICES.iter().map(|service| group(service.name, service.tables.to_vec())).collect();
    groups.push(group("quotas of all services", vec![collect::quota::METRICS]));
    groups.push(group("endpoints of the catalog", vec![collect::runner::API_METRICS]));
    groups.push(group("local host", collect::host::tables()));
    groups.push(group("text files", vec![collect::textfile::METRICS]));
    groups.push(group("stackcast itself", collect::own::tables().to_vec()));
    groups.push(group("web server", crate::expose::tables()));
    groups.push(group("analysis", crate::analyse::tables().to_vec()));
    groups.push(group("history store", crate::history::tables()));
    groups.push(group("workload records", crate::workload::tables()));
    groups.push(group("reports and notices", crate::report::tables()));
    groups.push(group("analysis itself", crate::app::tables()));
    groups
}

/// The document.
pub(super) fn render() -> String {
    let mut text = HEAD.to_owned();
    let groups = all_tables();
    for (space, title, note) in SPACES {
        let _ = write!(text, "\n## {title}\n\n{note}\n");
        for group in &groups {
            let rows: Vec<&Descriptor> = group.rows.iter().copied().filter(|row| row.space() == space).collect();
            if !rows.is_empty() {
                table(&mut text, &group.title, &rows);
            }
        }
    }
    text
}

const SPACES: [(Space, &str, &str); 3] = [
    (
        Space::OpenStack,
        "`openstack_*`",
        "The drop-in families. `expose.naming.prefix` replaces `openstack`; the labels `cloud` and `region` are added as \
         `expose.naming.cloud_labels` says.",
    ),
    (
        Space::Stackcast,
        "`stackcast_*`",
        "What stackcast computes, and what it says about itself. A family about a cloud always carries `cloud` and \
         `region` beside the labels below.",
    ),
    (
        Space::Host,
        "`host_*`",
        "The machine that stackcast runs on, named after node_exporter. `expose.naming.host_prefix` replaces `host`; \
         with `node`, dashboards made for node_exporter work.",
    ),
];

fn table(text: &mut String, title: &str, rows: &[&Descriptor]) {
    let _ = write!(
        text,
        "\n### {title}\n\n| name | type | unit | labels | meaning | source |\n|---|---|---|---|---|---|\n"
    );
    for row in rows {
        let labels: Vec<String> = row.labels.iter().map(|label| format!("`{label}`")).collect();
        let mut help = cell(&row.help);
        for (flag, note) in [(row.slow, " *Slow.*"), (row.deprecated, " *Deprecated.*")] {
            if flag {
                help.push_str(note);
            }
        }
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {help} | {} |",
            row.name,
            kind(row.kind),
            unit(row.unit),
            labels.join(" "),
            cell(&row.source),
        );
    }
}

/// Text that cannot end a cell or a line of the table, nor be taken for a tag.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Gauge => "gauge",
        Kind::Counter => "counter",
        Kind::Histogram => "histogram",
        Kind::Untyped => "untyped",
    }
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "number",
        Unit::Bytes => "bytes",
        Unit::Mebibytes => "MiB",
        Unit::Gibibytes => "GiB",
        Unit::Seconds => "seconds",
        Unit::Timestamp => "seconds since 1970",
        Unit::Ratio => "ratio",
        Unit::Info => "always 1",
        Unit::State => "state",
        Unit::Bool => "0 or 1",
        Unit::None => "",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_written_once_and_documented() {
        let mut seen = BTreeSet::new();
        let text = render();
        for row in all_tables().iter().flat_map(|group| &group.rows) {
            assert!(seen.insert(row.name.clone()), "{} stands in two tables", row.name);
            assert!(text.contains(&format!("| `{}` |", row.name)), "{}", row.name);
            assert!(row.help.ends_with('.') && !row.help.contains('\n'), "help of {}: {:?}", row.name, row.help);
            assert!(!row.source.is_empty(), "source of {}", row.name);
        }
    }

    #[test]
    fn nothing_that_collectors_fill_is_left_out() {
        let written: BTreeSet<_> = all_tables().iter().flat_map(|group| &group.rows).map(|row| &*row.name).collect();
        let filled = collect::tables().into_iter().flatten();
        assert_eq!(
            filled.filter(|row| !written.contains(&*row.name)).map(|row| &row.name).collect::<Vec<_>>(),
            [""; 0]
        );
    }

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        let ours = |row: &&&Descriptor| row.name.starts_with("stackcast_");
        for row in all_tables().iter().flat_map(|group| &group.rows).filter(ours) {
            assert_eq!(row.name.ends_with("_total"), row.kind == Kind::Counter, "{}", row.name);
            assert_eq!(row.name.ends_with("_info"), row.unit == Unit::Info, "{}", row.name);
            assert_eq!(row.name.ends_with("_timestamp_seconds"), row.unit == Unit::Timestamp, "{}", row.name);
        }
    }
}
