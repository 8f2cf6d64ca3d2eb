//! Figures as people read them: shares, bytes, dates with the time that is left, and names of places.

use serde::Deserialize;

use super::document::Tone;

const DAY: f64 = 86_400.0;

/// A share in percent.
pub(super) fn percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    // One place where whole percents would say nothing.
    if percent != 0.0 && percent.abs() < 9.95 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

/// A change in percent, with its sign.
pub(super) fn change(ratio: f64) -> String {
    let text = percent(ratio.abs());
    if ratio < 0.0 { format!("−{text}") } else { format!("+{text}") }
}

/// Bytes in the unit that fits.
pub(super) fn bytes(bytes: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes;
    let mut unit = "B";
    for next in units {
        unit = next;
        if value.abs() < 1024.0 || next == "PiB" {
            break;
        }
        value /= 1024.0;
    }
    if value.fract() == 0.0 || value >= 99.95 { format!("{value:.0} {unit}") } else { format!("{value:.1} {unit}") }
}

/// A number of things, in groups of three digits.
pub(super) fn count(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = if number < -0.5 { "−".to_owned() } else { String::new() };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// How long something takes or lasts.
pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s if s < 1.5 * DAY => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} days", s / DAY),
    }
}

/// A date of the API.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Date {
    pub(super) at: Option<String>,
    pub(super) seconds: Option<f64>,
}

impl Date {
    /// The day and the time that is left.
    pub(super) fn text(&self) -> String {
        match (&self.at, self.seconds) {
            (_, Some(seconds)) if seconds <= 0.0 => "now".to_owned(),
            (Some(at), Some(seconds)) => format!("{} (in {})", day(at), duration(seconds)),
            _ => "not in sight".to_owned(),
        }
    }

    /// For ordering: never is last.
    pub(super) fn rank(&self) -> f64 {
        self.seconds.unwrap_or(f64::INFINITY)
    }

    /// A month is not long where hardware has to be bought.
    pub(super) fn tone(&self) -> Tone {
        match self.rank() / DAY {
            days if days < 7.0 => Tone::Critical,
            days if days < 30.0 => Tone::Warning,
            _ => Tone::Plain,
        }
    }
}

/// The day of a time in RFC 3339.
pub(super) fn day(at: &str) -> &str {
    at.get(..10).unwrap_or(at)
}

/// The minute of a time in RFC 3339.
pub(super) fn minute(at: &str) -> String {
    match (at.get(..10), at.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time}"),
        _ => at.to_owned(),
    }
}

/// The tone of a level of risk.
pub(super) fn risk(level: &str) -> Tone {
    match level {
        "critical" => Tone::Critical,
        "high" | "medium" => Tone::Warning,
        _ => Tone::Good,
    }
}

/// The place that something is about.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Place {
    pub(super) cloud: Option<String>,
    pub(super) region: Option<String>,
    pub(super) scope: String,
    /// Its name; some answers call it `node`, and some both.
    pub(super) entity: Option<String>,
    pub(super) node: Option<String>,
}

impl Place {
    /// Its name; with its cloud where several are told of.
    pub(super) fn name(&self, several: bool) -> String {
        let scope = match self.scope.as_str() {
            "hypervisor" | "host" | "custom" => "",
            "az" => "zone ",
            other => other,
        };
        let blank = if scope.is_empty() || scope.ends_with(' ') { "" } else { " " };
        let entity = self.entity.as_deref().or(self.node.as_deref()).unwrap_or_default();
        let mut name = format!("{scope}{blank}{entity}");
        let at = [self.cloud.as_deref(), self.region.as_deref()].into_iter().flatten().filter(|at| !at.is_empty());
        let at = at.collect::<Vec<_>>().join("/");
        if several && !at.is_empty() {
            name = format!("{name} ({at})");
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!(percent(0.917), "92 %");
        assert_eq!(percent(0.0123), "1.2 %");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(change(-0.02), "−2.0 %");
        assert_eq!(bytes(1024.0 * 1024.0 * 1536.0), "1.5 GiB");
        assert_eq!(bytes(512.0), "512 B");
        assert_eq!(bytes(1e20), "88818 PiB");
        assert_eq!(count(1234567.0), "1 234 567");
        assert_eq!(count(-12.0), "−12");
        assert_eq!(duration(40.0 * DAY), "40 days");
        assert_eq!(duration(7200.0), "2 h");
    }

    #[test]
    fn dates_say_how_long_is_left() {
        let date = |at: Option<&str>, seconds| Date { at: at.map(str::to_owned), seconds };
        let soon = date(Some("2026-12-04T00:00:00Z"), Some(12.0 * DAY));
        assert_eq!((soon.text().as_str(), soon.tone()), ("2026-12-04 (in 12 days)", Tone::Warning));
        assert_eq!(date(Some("2026-11-01T00:00:00Z"), Some(0.0)).text(), "now");
        assert_eq!(date(None, None).text(), "not in sight");
    }

    #[test]
    fn places_name_their_cloud_where_there_are_several() {
        let place = Place {
            cloud: Some("a".into()),
            region: Some("R".into()),
            scope: "az".into(),
            entity: Some("nova".into()),
            node: None,
        };
        assert_eq!(place.name(false), "zone nova");
        assert_eq!(place.name(true), "zone nova (a/R)");
        let host = Place { scope: "hypervisor".into(), node: Some("cmp1".into()), ..Place::default() };
        assert_eq!(host.name(true), "cmp1");
    }
}
