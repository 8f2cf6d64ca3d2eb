//! The landing page: what this is, where the metrics are, how the clouds are doing, what to do next.
//! One page of plain HTML without scripts or outside files.

use std::fmt::Write;

use html_escape::encode_quoted_attribute as escaped;

use super::Status;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:3rem auto;padding:0 1rem;\
color:#1c2024;background:#fff}a{color:#0b62c4}h1{margin:0}table{border-collapse:collapse;margin:1rem 0;width:100%}\
td,th{text-align:left;padding:.35rem .75rem .35rem 0;border-bottom:1px solid #d9dde1;vertical-align:top}\
code,pre{background:#f1f3f5;border-radius:4px;padding:.1rem .3rem}pre{padding:.75rem;overflow-x:auto}\
.up{color:#18794e}.down{color:#b3261e}.quiet{color:#5f6b76}\
@media(prefers-color-scheme:dark){body{color:#e6e8ea;background:#16191d}a{color:#7ab7ff}code,pre{background:#23282e}\
td,th{border-color:#343a40}.up{color:#5fd39a}.down{color:#ff8a80}.quiet{color:#9aa4ae}}";

const ADD_A_CLOUD: &str = "<p>No cloud yet. stackcast reads <code>clouds.yaml</code> as every OpenStack client does \
(this folder, <code>~/.config/openstack</code>, <code>/etc/openstack</code>), or the <code>OS_*</code> variables:</p>\
<pre>clouds:\n  mycloud:\n    auth:\n      auth_url: https://keystone.example.org/v3\n      application_credential_id: …\n      \
application_credential_secret: …\n    auth_type: v3applicationcredential</pre>\
<p><code>stackcast check</code> then says what the credentials may see; <code>stackcast demo</code> shows a simulated \
cloud.</p>";

/// The page.
pub(super) fn page(status: &Status, telemetry_path: &str) -> String {
    let mut html = String::with_capacity(4096);
    // Writing to a string cannot fail.
    let _ = write(&mut html, status, telemetry_path);
    html
}

fn write(html: &mut String, status: &Status, telemetry_path: &str) -> std::fmt::Result {
    let path = escaped(telemetry_path);
    write!(
        html,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>stackcast</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body>\n\
         <h1>stackcast</h1><p class=\"quiet\">The Prometheus exporter for OpenStack that sees ahead · version {}</p>\n\
         <p><a href=\"{path}\">Metrics</a> · <a href=\"/-/healthy\">healthy</a> · <a href=\"/-/ready\">ready</a></p>\n",
        env!("CARGO_PKG_VERSION")
    )?;
    if let Err(reason) = &status.ready {
        writeln!(html, "<p class=\"down\">Not ready: {}</p>", escaped(reason))?;
    }
    if status.clouds.is_empty() {
        writeln!(html, "{ADD_A_CLOUD}")?;
    } else {
        html.push_str("<table><tr><th>Cloud</th><th>Region</th><th>State</th><th></th></tr>\n");
        for cloud in &status.clouds {
            let (class, word) = if cloud.up { ("up", "up") } else { ("down", "down") };
            let (name, region) = (escaped(&cloud.cloud), escaped(&cloud.region));
            let detail = escaped(&cloud.detail);
            writeln!(
                html,
                "<tr><td>{name}</td><td>{region}</td><td class=\"{class}\">{word}</td><td>{detail}</td></tr>"
            )?;
        }
        html.push_str("</table>\n");
    }
    if !status.hints.is_empty() {
        html.push_str("<ul>\n");
        for hint in &status.hints {
            writeln!(html, "<li>{}</li>", escaped(hint))?;
        }
        html.push_str("</ul>\n");
    }
    html.push_str("</body></html>\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::CloudStatus;
    use super::*;

    #[test]
    fn what_a_cloud_says_cannot_become_markup() {
        let evil = "<script>alert('x')</script>".to_owned();
        let cloud = CloudStatus { cloud: evil.clone(), region: evil.clone(), up: false, detail: evil.clone() };
        let status = Status { ready: Err(evil.clone()), clouds: vec![cloud], hints: vec![evil] };
        let html = page(&status, "/\"><script>");
        assert!(!html.contains("<script"), "{html}");
        assert_eq!(html.matches("&lt;script").count(), 6);
    }

    #[test]
    fn without_a_cloud_it_says_how_to_add_one() {
        let status = Status { ready: Ok(()), clouds: Vec::new(), hints: Vec::new() };
        let html = page(&status, "/metrics");
        assert!(html.contains("clouds.yaml") && html.contains("<a href=\"/metrics\">"));
        assert!(!html.contains("Not ready"));
    }
}
