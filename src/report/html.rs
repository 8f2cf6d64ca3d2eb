//! A report as HTML that mail clients show as browsers do: tables, colours of cells and styles at their elements.
//!
//! Charts are bars made of table cells. Inline SVG is left out by most mail clients, pictures are blocked until the
//! reader asks for them (or shown as attachments), and both need a text beside them anyway; cells are shown by all,
//! Outlook among them, and cost no dependency. Nothing is loaded from anywhere, and there is no script.

use std::fmt::{Result, Write};

use html_escape::encode_quoted_attribute as escaped;

use super::document::{Bar, Block, Cell, Document, Fact, Section, Table, Tone};

const TEXT: &str = "#1f2430";
const QUIET: &str = "#5b6270";
const LINE: &str = "#e3e5e8";

/// Colour of a tone: as a bar or an edge, its light form, and as text with enough contrast on white.
const fn colours(tone: Tone) -> [&'static str; 3] {
    match tone {
        Tone::Good => ["#37872d", "#b9dcb4", "#2c6e24"],
        Tone::Plain => ["#3274d9", "#bcd4f5", TEXT],
        Tone::Warning => ["#e0b400", "#f6e6a6", "#7d5f00"],
        Tone::Critical => ["#c4162a", "#f3bcc2", "#b01226"],
    }
}

/// The whole page.
pub(super) fn page(document: &Document, link_url: Option<&str>) -> String {
    let mut html = String::with_capacity(32 * 1024);
    // Writing to a string cannot fail.
    let _ = write(&mut html, document, link_url);
    html
}

fn write(html: &mut String, document: &Document, link_url: Option<&str>) -> Result {
    let (title, about) = (escaped(&document.title), escaped(&document.about));
    writeln!(
        html,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light\">\
         <title>{title}</title></head>\n\
         <body style=\"margin:0;padding:12px;background:#f4f5f7;font:14px/1.5 system-ui,-apple-system,'Segoe UI',\
         Roboto,sans-serif;color:{TEXT}\">\n\
         <table role=\"presentation\" align=\"center\" width=\"100%\" cellspacing=\"0\" cellpadding=\"0\" \
         style=\"max-width:720px;background:#fff\">\n\
         <tr><td style=\"padding:16px\"><h1 style=\"margin:0;font-size:20px\">{title}</h1>\
         <div style=\"font-size:12px;color:{QUIET}\">{about}</div></td></tr>"
    )?;
    if !document.facts.is_empty() {
        writeln!(html, "<tr><td style=\"padding:0 16px 8px\">")?;
        for fact in &document.facts {
            self::fact(html, fact)?;
        }
        writeln!(html, "</td></tr>")?;
    }
    for section in &document.sections {
        self::section(html, section, link_url)?;
    }
    writeln!(
        html,
        "<tr><td style=\"padding:12px 16px;font-size:12px;color:{QUIET}\">Times are in UTC. Rows of every section are \
         told in full by the JSON API at the path beside its title.</td></tr>\n</table></body></html>"
    )
}

fn fact(html: &mut String, fact: &Fact) -> Result {
    let [edge, _, text] = colours(fact.tone);
    writeln!(
        html,
        "<div style=\"border-left:6px solid {edge};padding:2px 10px;margin:0 0 6px\">\
         <span style=\"font-size:12px;color:{QUIET}\">{}</span><br><b style=\"color:{text}\">{}</b></div>",
        escaped(fact.label),
        escaped(&fact.value)
    )
}

fn section(html: &mut String, section: &Section, link_url: Option<&str>) -> Result {
    let path = escaped(section.path);
    let more = match (link_url, section.path) {
        (_, "") => String::new(),
        (Some(url), _) => {
            format!("<a href=\"{}{path}\" style=\"color:#0b62c4\">{path}</a>", escaped(url.trim_end_matches('/')))
        }
        (None, _) => path.into_owned(),
    };
    writeln!(
        html,
        "<tr><td style=\"padding:14px 16px 4px;border-top:1px solid {LINE}\"><h2 style=\"margin:0 0 6px;font-size:16px\">{} \
         <span style=\"font-size:11px;font-weight:400;color:{QUIET}\">{more}</span></h2>",
        escaped(section.title)
    )?;
    for block in &section.blocks {
        match block {
            Block::Note { text, tone } => {
                let colour = if *tone == Tone::Plain { QUIET } else { colours(*tone)[2] };
                writeln!(html, "<p style=\"margin:0 0 8px;font-size:13px;color:{colour}\">{}</p>", escaped(text))?;
            }
            Block::Bars(bars) => self::bars(html, bars)?,
            Block::Table(table) => self::table(html, table)?,
        }
    }
    writeln!(html, "</td></tr>")
}

fn table(html: &mut String, table: &Table) -> Result {
    write!(
        html,
        "<table width=\"100%\" cellspacing=\"0\" cellpadding=\"0\" style=\"border-collapse:collapse;margin:0 0 10px;font-size:13px\"><tr>"
    )?;
    for head in &table.head {
        let head = escaped(head);
        write!(
            html,
            "<th align=\"left\" style=\"padding:3px 8px 3px 0;color:{QUIET};font-weight:600;border-bottom:1px solid {LINE}\">{head}</th>"
        )?;
    }
    writeln!(html, "</tr>")?;
    for row in &table.rows {
        html.push_str("<tr>");
        for cell in row {
            self::cell(html, cell)?;
        }
        html.push_str("</tr>\n");
    }
    writeln!(html, "</table>")
}

fn cell(html: &mut String, cell: &Cell) -> Result {
    let weight = if cell.tone > Tone::Plain { ";font-weight:600" } else { "" };
    let colour =
        if cell.tone == Tone::Plain { String::new() } else { format!(";color:{}{weight}", colours(cell.tone)[2]) };
    write!(
        html,
        "<td valign=\"top\" style=\"padding:3px 8px 3px 0;border-bottom:1px solid {LINE}{}{colour}\">{}</td>",
        wrapping(&cell.text),
        escaped(&cell.text)
    )
}

/// Figures stay in one piece, long names may be cut anywhere, and no word in between.
fn wrapping(text: &str) -> &'static str {
    let longest = text.split_whitespace().map(|word| word.chars().count()).max().unwrap_or(0);
    match text.chars().count() {
        0..=12 => ";white-space:nowrap",
        _ if longest > 16 => ";overflow-wrap:anywhere",
        _ => "",
    }
}

/// Each bar is a row of cells: solid up to the low end, light up to the high end, and the rest.
fn bars(html: &mut String, bars: &[Bar]) -> Result {
    writeln!(
        html,
        "<table width=\"100%\" cellspacing=\"0\" cellpadding=\"0\" style=\"margin:0 0 8px;font-size:12px\">"
    )?;
    for bar in bars {
        let [solid, light, text] = colours(bar.tone);
        let widths = widths(bar.low, bar.high);
        write!(
            html,
            "<tr><td width=\"36%\" style=\"padding:2px 8px 2px 0;overflow-wrap:anywhere\">{}</td>",
            escaped(&bar.label)
        )?;
        html.push_str(
            "<td width=\"36%\"><table role=\"presentation\" width=\"100%\" cellspacing=\"0\" cellpadding=\"0\"><tr>",
        );
        for (width, colour) in widths.into_iter().zip([solid, light, "#eceef1"]) {
            if width > 0 {
                // A cell without content has no height in some clients.
                write!(
                    html,
                    "<td width=\"{width}%\" bgcolor=\"{colour}\" style=\"height:12px;font-size:1px;line-height:12px\">&nbsp;</td>"
                )?;
            }
        }
        writeln!(
            html,
            "</tr></table></td><td style=\"padding:2px 0 2px 8px;color:{text}\">{}</td></tr>",
            escaped(&bar.text)
        )?;
    }
    writeln!(html, "</table>")
}

/// Solid, light and empty share of a bar, in percent.
pub(super) fn widths(low: f64, high: f64) -> [u8; 3] {
    // What is no number is drawn as nothing.
    let whole = |ratio: f64| (ratio.clamp(0.0, 1.0) * 100.0).round() as u8;
    let (low, high) = (whole(low), whole(high.max(low)));
    [low, high.saturating_sub(low), 100_u8.saturating_sub(high)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_shares_of_a_bar_are_whole(low in proptest::num::f64::ANY, high in proptest::num::f64::ANY) {
            let widths = widths(low, high);
            prop_assert_eq!(widths.iter().map(|width| u32::from(*width)).sum::<u32>(), 100);
        }

        #[test]
        fn nothing_becomes_markup(text in "[<>&\"'a-z]{0,20}") {
            let safe = escaped(&text);
            prop_assert!(!safe.contains(['<', '>', '"', '\'']));
        }
    }
}
