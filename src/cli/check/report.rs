//! The report of `check` as text: plain, legible without colour, without a secret.

use std::fmt::Write;

use super::{Row, Verdict, remedy};
use crate::analyse::signals;
use crate::app::CloudCheck;
use crate::collect::health::Visibility;
use crate::config::{Clouds, Loaded, Settings};
use crate::model::part::Origin;
use crate::openstack::client::Session;

/// The whole report.
pub(super) fn render(loaded: &Loaded, clouds: &[CloudCheck], rows: &[Row], samples: usize) -> String {
    let mut text = String::from("Configuration: valid\n");
    for source in &loaded.sources {
        line(&mut text, &format!("  {source}"));
    }
    text.push_str("\nClouds\n");
    if clouds.is_empty() {
        line(&mut text, &format!("  none; {}", Clouds::HOW_TO_ADD));
    }
    for cloud in clouds {
        render_cloud(&mut text, cloud);
    }
    text.push_str("\nCollectors\n");
    render_rows(&mut text, rows);
    if loaded.settings.analysis.enabled && !clouds.is_empty() {
        text.push_str("\nSignals\n");
        render_signals(&mut text, &loaded.settings, rows);
    }
    summary(&mut text, clouds, rows, samples);
    text
}

/// Appends a line; writing to a string cannot fail.
fn line(text: &mut String, line: &str) {
    let _ = writeln!(text, "{}", line.trim_end());
}

fn render_cloud(text: &mut String, cloud: &CloudCheck) {
    match &cloud.session {
        Err(error) => {
            line(text, &format!("  {}: login failed: {error}", cloud.name));
            line(text, &format!("    hint: {}", remedy::of_kind(error.kind)));
        }
        Ok(session) => {
            line(text, &format!("  {}: logged in", cloud.name));
            for (name, value) in facts(session) {
                line(text, &format!("    {name:<9}{value}"));
            }
        }
    }
}

fn facts(session: &Session) -> Vec<(&'static str, String)> {
    let scope = match (&session.project_name, &session.project_id, session.system) {
        (_, _, true) => "the whole system".to_owned(),
        (Some(name), Some(id), _) => format!("project {name} ({id})"),
        (_, Some(id), _) => format!("project {id}"),
        _ => "none; most services refuse such a token".to_owned(),
    };
    let services = session.services.iter().map(|(service, regions)| format!("{service} ({})", regions.join(", ")));
    let services: Vec<String> = services.collect();
    let list = |items: &[String]| if items.is_empty() { "none".to_owned() } else { items.join(", ") };
    vec![
        ("user", session.user_id.clone()),
        ("scope", scope),
        ("roles", list(&session.roles)),
        ("expires", session.expires.to_string()),
        ("regions", list(&session.regions)),
        ("catalog", list(&services)),
    ]
}

fn place(origin: &Origin) -> String {
    match (&origin.cloud, &origin.region) {
        (Some(cloud), Some(region)) => format!("{cloud}/{region}"),
        (Some(cloud), None) => cloud.to_string(),
        _ => "local".to_owned(),
    }
}

fn render_rows(text: &mut String, rows: &[Row]) {
    let mut table = vec![["where", "collector", "state", "items", "time", ""].map(str::to_owned)];
    for row in rows {
        let state = match row.verdict() {
            Verdict::Ok => "ok",
            Verdict::Blind(Visibility::Domain) => "blind (own domain only)",
            Verdict::Blind(Visibility::Project) => "blind (own project only)",
            Verdict::Blind(_) => "blind (sees nothing)",
            Verdict::Failed => "failed",
            Verdict::Unfinished => "unfinished",
        };
        let reason = row.state.last_error_text.as_deref().unwrap_or_default();
        let remedy = remedy::of_row(row).unwrap_or_default();
        let note = [reason, &remedy].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
        let rejected: u64 = row.state.rejected.values().sum();
        let note = if rejected > 0 { format!("{rejected} odd items left out; {note}") } else { note };
        table.push([
            place(&row.origin),
            row.collector.to_owned(),
            state.to_owned(),
            row.state.items.to_string(),
            format!("{:.2} s", row.state.duration.as_secs_f64()),
            note.trim_end_matches("; ").to_owned(),
        ]);
    }
    columns(text, &table);
}

/// Which signals have what they are read from, and which wait for it.
fn render_signals(text: &mut String, settings: &Settings, rows: &[Row]) {
    for (collector, names) in signals::sources() {
        let works = |row: &&Row| matches!(row.verdict(), Verdict::Ok | Verdict::Blind(_));
        let found: Vec<&Row> = rows.iter().filter(|row| row.collector == collector).collect();
        let (state, note) = match collector {
            "host" if settings.collect.host.enabled => ("read", ""),
            "api" if settings.collect.api.enabled => ("read", ""),
            "host" | "api" => ("waiting", ": switched off"),
            _ if found.iter().any(works) => ("read", ""),
            _ if found.is_empty() => ("waiting", ": the cloud has no such service, or it is switched off"),
            _ => ("waiting", ": the collector has not succeeded, see above"),
        };
        line(text, &format!("  {state:<8} {} (of {collector}){note}", names.join(", ")));
    }
    if !settings.signals.is_empty() {
        let names: Vec<&str> = settings.signals.keys().map(String::as_str).collect();
        line(text, &format!("  asked    {} (of Prometheus, see signals)", names.join(", ")));
    }
}

/// Lines up the columns but the last, which is free text; numbers stand right.
fn columns(text: &mut String, table: &[[String; 6]]) {
    let width = |column: usize| table.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..6).map(|column| width(column).unwrap_or(0)).collect();
    for row in table {
        let mut out = String::from("  ");
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let _ = match column {
                3 | 4 => write!(out, "{cell:>width$}  "),
                5 => write!(out, "{cell}"),
                _ => write!(out, "{cell:<width$}  "),
            };
        }
        line(text, &out);
    }
}

fn summary(text: &mut String, clouds: &[CloudCheck], rows: &[Row], samples: usize) {
    let count = |wanted: fn(Verdict) -> bool| rows.iter().filter(|row| wanted(row.verdict())).count();
    let refused = clouds.iter().filter(|cloud| cloud.session.is_err()).count();
    line(
        text,
        &format!(
            "\nResult: {} ok, {} blind, {} failed, {} unfinished, {refused} of {} logins failed, {samples} series",
            count(|verdict| verdict == Verdict::Ok),
            count(|verdict| matches!(verdict, Verdict::Blind(_))),
            count(|verdict| verdict == Verdict::Failed),
            count(|verdict| verdict == Verdict::Unfinished),
            clouds.len(),
        ),
    );
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::collect::health::CollectorState;
    use crate::model::clock::Timestamp;
    use crate::openstack::error::{Error, ErrorKind};

    fn row(collector: &'static str, success: Option<bool>, visibility: Visibility, error: Option<ErrorKind>) -> Row {
        let state = CollectorState {
            success,
            duration: Duration::from_millis(1234),
            last_success: None,
            items: 42,
            visibility,
            errors: BTreeMap::new(),
            rejected: BTreeMap::new(),
            last_error: error,
            last_error_text: error.map(|_| "compute servers/detail: 503 Service Unavailable".to_owned()),
            withheld: false,
        };
        Row { origin: Origin::new("prod", "RegionOne"), service: "compute", collector, state }
    }

    fn session() -> Session {
        Session {
            expires: Timestamp::from_seconds(1_795_192_257),
            roles: vec!["reader".to_owned()],
            project_id: Some("p1".to_owned()),
            project_name: Some("monitoring".to_owned()),
            user_id: "u1".to_owned(),
            system: false,
            regions: vec!["RegionOne".to_owned()],
            services: vec![("compute".to_owned(), vec!["RegionOne".to_owned()])],
        }
    }

    #[test]
    fn the_report_reads_like_this() {
        let mut settings = Settings::default();
        settings.analysis.enabled = false;
        let mut loaded = Loaded { settings, sources: vec!["defaults".to_owned(), "flag CLOUD".to_owned()] };
        let refused = Error::new(ErrorKind::Auth, "identity", "auth/tokens", "401 Unauthorized");
        let clouds = [
            CloudCheck { name: "prod".to_owned(), session: Ok(Arc::new(session())) },
            CloudCheck { name: "test".to_owned(), session: Err(refused) },
        ];
        let rows = [
            row("compute.servers", Some(true), Visibility::All, None),
            row("compute.services", Some(true), Visibility::Project, None),
            row("compute.quotas", Some(false), Visibility::All, Some(ErrorKind::Server)),
            row("compute.flavors", None, Visibility::All, None),
        ];
        let expected = "\
Configuration: valid
  defaults
  flag CLOUD

Clouds
  prod: logged in
    user     u1
    scope    project monitoring (p1)
    roles    reader
    expires  2026-11-20T16:30:57Z
    regions  RegionOne
    catalog  compute (RegionOne)
  test: login failed: identity auth/tokens: 401 Unauthorized
    hint: check user, password, project and domains of the cloud in clouds.yaml

Collectors
  where           collector         state                     items    time
  prod/RegionOne  compute.servers   ok                           42  1.23 s
  prod/RegionOne  compute.services  blind (own project only)     42  1.23 s  sees its own project only: give the user a role for the whole cloud, such as admin, or reader with system scope
  prod/RegionOne  compute.quotas    failed                       42  1.23 s  compute servers/detail: 503 Service Unavailable; look into the log of the service: it failed itself
  prod/RegionOne  compute.flavors   unfinished                   42  1.23 s  give it more time: --patience SECONDS

Result: 1 ok, 1 blind, 1 failed, 1 unfinished, 1 of 2 logins failed, 7 series
";
        assert_eq!(render(&loaded, &clouds, &rows, 7), expected);
        loaded.settings.analysis.enabled = true;
        loaded.settings.signals.insert("jobs".to_owned(), crate::history::SignalQuery::default());
        let text = render(&loaded, &clouds, &rows, 7);
        let (_, signals) = text.split_once("\nSignals\n").unwrap();
        for told in [
            "  read     instances, instances_error, instances_build (of compute.servers)\n",
            "  waiting  utilization (of volume.pools): the cloud has no such service, or it is switched off\n",
            "  waiting  utilization (of compute.quotas): the collector has not succeeded, see above\n",
            "  asked    jobs (of Prometheus, see signals)\n",
        ] {
            assert!(signals.contains(told), "{told}{signals}");
        }
        assert_eq!(super::super::code(&clouds, &rows), 2);
        assert_eq!(super::super::code(&clouds[..1], &rows), 1);
        assert_eq!(super::super::code(&clouds[..1], &rows[..1]), 0);
    }

    #[test]
    fn a_refusal_counts_as_blind() {
        let refused = row("compute.servers", Some(false), Visibility::None, Some(ErrorKind::Forbidden));
        assert_eq!(refused.verdict(), Verdict::Blind(Visibility::None));
        assert!(remedy::of_row(&refused).unwrap().contains("--disable-service.compute"));
    }

    #[test]
    fn without_a_cloud_it_says_how_to_add_one() {
        let loaded = Loaded { settings: Settings::default(), sources: Vec::new() };
        assert!(render(&loaded, &[], &[], 0).contains("clouds.yaml"));
    }
}
