//! Which format and encoding a client gets, from its `Accept` and `Accept-Encoding` headers.
//!
//! Never refuses: a client that accepts nothing of ours gets the classic text, as from every exporter.

/// Text format of the metrics page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Prometheus' classic text, version 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// The `Content-Type` header.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Content encoding of the metrics page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// gzip.
    Gzip,
}

/// Number of variants of a page.
pub(crate) const VARIANTS: usize = 4;

/// A format in an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) format: Format,
    pub(crate) encoding: Encoding,
}

impl Variant {
    /// All of them, in order of their index.
    pub(crate) const ALL: [Self; VARIANTS] = [
        Self { format: Format::Text, encoding: Encoding::Identity },
        Self { format: Format::Text, encoding: Encoding::Gzip },
        Self { format: Format::OpenMetrics, encoding: Encoding::Identity },
        Self { format: Format::OpenMetrics, encoding: Encoding::Gzip },
    ];

    /// Its place in [`Variant::ALL`].
    pub(crate) fn index(self) -> usize {
        2 * usize::from(self.format == Format::OpenMetrics) + usize::from(self.encoding == Encoding::Gzip)
    }
}

/// An element of a header list: what, its parameters, and how much it is wanted, in thousandths.
struct Element<'h> {
    name: &'h str,
    parameters: Vec<(&'h str, &'h str)>,
    quality: u16,
}

fn elements(header: &str) -> impl Iterator<Item = Element<'_>> {
    header.split(',').filter_map(|element| {
        let mut fields = element.split(';').map(str::trim);
        let name = fields.next().filter(|name| !name.is_empty())?;
        let mut found = Element { name, parameters: Vec::new(), quality: 1000 };
        for (key, value) in fields.filter_map(|field| field.split_once('=')) {
            let value = value.trim().trim_matches('"');
            if key.trim().eq_ignore_ascii_case("q") {
                found.quality = quality(value);
            } else {
                found.parameters.push((key.trim(), value));
            }
        }
        Some(found)
    })
}

/// A quality in thousandths; nonsense is "not wanted".
fn quality(text: &str) -> u16 {
    match text.parse::<f32>() {
        Ok(value) if (0.0..=1.0).contains(&value) => (value * 1000.0).round() as u16,
        _ => 0,
    }
}

/// The format for an `Accept` header: the most wanted one, the more specific one among equals.
pub fn format_for(accept: Option<&str>) -> Format {
    let mut best: Option<(u16, u8, Format)> = None;
    for element in elements(accept.unwrap_or("*/*")) {
        let version = element.parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case("version")).map(|(_, v)| *v);
        let (specific, format) = match (element.name.to_ascii_lowercase().as_str(), version) {
            ("application/openmetrics-text", None | Some("1.0.0")) => (2, Format::OpenMetrics),
            ("text/plain", None | Some("0.0.4")) => (2, Format::Text),
            ("text/*", _) => (1, Format::Text),
            ("*/*", _) => (0, Format::Text),
            _ => continue,
        };
        let candidate = (element.quality, specific, format);
        if element.quality > 0 && best.is_none_or(|(quality, kind, _)| (candidate.0, candidate.1) > (quality, kind)) {
            best = Some(candidate);
        }
    }
    best.map_or(Format::Text, |(_, _, format)| format)
}

/// The encoding for an `Accept-Encoding` header: gzip unless something else is wanted more.
pub fn encoding_for(accept_encoding: Option<&str>) -> Encoding {
    let (mut gzip, mut identity, mut any) = (None, None, None);
    for element in elements(accept_encoding.unwrap_or("")) {
        match element.name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => gzip = Some(element.quality),
            "identity" => identity = Some(element.quality),
            "*" => any = Some(element.quality),
            _ => {}
        }
    }
    let gzip = gzip.or(any).unwrap_or(0);
    if gzip > 0 && gzip >= identity.unwrap_or(0) { Encoding::Gzip } else { Encoding::Identity }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        let prometheus_2_42 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_2_5 = "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        let protobuf_first = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3";
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
        for (accept, format) in [
            (prometheus_2_42, Format::OpenMetrics),
            (prometheus_2_5, Format::Text),
            (prometheus_3, Format::OpenMetrics),
            (protobuf_first, Format::OpenMetrics),
            (browser, Format::Text),
            ("text/plain;version=0.0.4;q=1,application/openmetrics-text;version=1.0.0;q=0.9", Format::Text),
            ("text/plain;version=0.0.4;q=0.2, application/openmetrics-text; version=\"1.0.0\"", Format::OpenMetrics),
            ("Application/OpenMetrics-Text", Format::OpenMetrics),
            ("*/*, application/openmetrics-text;version=1.0.0", Format::OpenMetrics),
            ("application/openmetrics-text;version=1.0.0;q=0, */*;q=0.1", Format::Text),
            ("application/openmetrics-text;version=1.0.0;q=x", Format::Text),
            ("application/json", Format::Text),
            ("", Format::Text),
            (",;,=;q", Format::Text),
        ] {
            assert_eq!(format_for(Some(accept)), format, "{accept}");
        }
        assert_eq!(format_for(None), Format::Text);
    }

    #[test]
    fn encodings() {
        for (accept, encoding) in [
            ("gzip", Encoding::Gzip),
            ("deflate, gzip, br, zstd", Encoding::Gzip),
            ("x-gzip", Encoding::Gzip),
            ("gzip;q=0", Encoding::Identity),
            ("gzip;q=0.5, identity;q=0.8", Encoding::Identity),
            ("gzip;q=0.8, identity;q=0.5", Encoding::Gzip),
            ("*", Encoding::Gzip),
            ("*;q=0.3, gzip;q=0", Encoding::Identity),
            ("identity", Encoding::Identity),
            ("br", Encoding::Identity),
            ("", Encoding::Identity),
        ] {
            assert_eq!(encoding_for(Some(accept)), encoding, "{accept}");
        }
        assert_eq!(encoding_for(None), Encoding::Identity);
    }

    #[test]
    fn indices_are_places() {
        for (at, variant) in Variant::ALL.into_iter().enumerate() {
            assert_eq!(variant.index(), at);
        }
    }
}
