//! A report as plain text: for terminals, and for readers of mail without HTML.

use std::fmt::{Result, Write};

use super::document::{Bar, Block, Document, Section, Table, Tone};
use super::html::widths;

/// Widest column but the last, in characters; longer cells are continued below.
const COLUMN_MAX: usize = 36;
/// Characters of a line, where words allow.
const LINE: usize = 100;
/// Characters of a bar.
const BAR: usize = 20;

/// The whole text.
pub(super) fn page(document: &Document) -> String {
    let mut text = String::with_capacity(8 * 1024);
    // Writing to a string cannot fail.
    let _ = write(&mut text, document);
    text
}

fn write(text: &mut String, document: &Document) -> Result {
    writeln!(text, "{}\n{}\n", document.title.to_uppercase(), document.about)?;
    let width = document.facts.iter().map(|fact| fact.label.chars().count()).max().unwrap_or(0);
    for fact in &document.facts {
        writeln!(text, "{} {:width$}  {}", mark(fact.tone), fact.label, fact.value)?;
    }
    for section in &document.sections {
        self::section(text, section)?;
    }
    Ok(())
}

/// The tone without colours.
const fn mark(tone: Tone) -> &'static str {
    match tone {
        Tone::Good | Tone::Plain => "  ",
        Tone::Warning => "! ",
        Tone::Critical => "!!",
    }
}

fn section(text: &mut String, section: &Section) -> Result {
    let head = if section.path.is_empty() {
        section.title.to_owned()
    } else {
        format!("{}  ({})", section.title, section.path)
    };
    writeln!(text, "\n{head}\n{}", "-".repeat(head.chars().count()))?;
    for block in &section.blocks {
        match block {
            Block::Note { text: note, .. } => wrap(note, LINE).iter().try_for_each(|line| writeln!(text, "{line}"))?,
            Block::Bars(bars) => self::bars(text, bars)?,
            Block::Table(table) => self::table(text, table)?,
        }
    }
    Ok(())
}

fn bars(text: &mut String, bars: &[Bar]) -> Result {
    let width = bars.iter().map(|bar| bar.label.chars().count()).max().unwrap_or(0);
    for bar in bars {
        let [solid, light, _] = widths(bar.low, bar.high).map(|width| usize::from(width) * BAR / 100);
        let drawn = format!("{}{}", "#".repeat(solid), "+".repeat(light));
        writeln!(text, "{:width$}  [{drawn:.<BAR$}] {}", bar.label, bar.text)?;
    }
    Ok(())
}

fn table(text: &mut String, table: &Table) -> Result {
    let mut lines: Vec<Vec<Vec<String>>> = vec![table.head.iter().map(|head| vec![(*head).to_owned()]).collect()];
    let last = table.head.len().saturating_sub(1);
    for row in &table.rows {
        let cells = row.iter().enumerate().map(|(at, cell)| {
            let text =
                format!("{}{}", if cell.tone > Tone::Plain { mark(cell.tone).trim_end() } else { "" }, cell.text);
            wrap(&text, if at == last { LINE / 2 } else { COLUMN_MAX })
        });
        lines.push(cells.collect());
    }
    let widest =
        |at: usize| lines.iter().filter_map(|row| row.get(at)).flatten().map(|line| line.chars().count()).max();
    let columns: Vec<usize> = (0..=last).map(|at| widest(at).unwrap_or(0)).collect();
    for row in &lines {
        let height = row.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..height {
            let mut printed = String::new();
            for (cell, width) in row.iter().zip(&columns) {
                let part = cell.get(line).map_or("", String::as_str);
                let _ = write!(printed, "{part:width$}  ");
            }
            writeln!(text, "{}", printed.trim_end())?;
        }
    }
    writeln!(text)
}

/// Lines of at most so many characters, cut at blanks where there are any.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        // There is a line always; the loop ends with the word.
        while let Some(line) = lines.last_mut() {
            let used = line.chars().count();
            let blank = usize::from(used > 0);
            if used + blank + word.len() <= width {
                line.extend(std::iter::repeat_n(' ', blank).chain(word));
                break;
            }
            if used == 0 {
                // Longer than a line: cut anywhere.
                line.extend(word.drain(..width.min(word.len())));
                if word.is_empty() {
                    break;
                }
            }
            lines.push(String::new());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_cut_at_blanks() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij x", 4), ["abcd", "efgh", "ij x"]);
        assert_eq!(wrap("", 4), [""]);
    }

    proptest! {
        #[test]
        fn no_word_is_lost_and_no_line_too_long(text in "[a-zé ]{0,80}", width in 1_usize..20) {
            let lines = wrap(&text, width);
            prop_assert!(lines.iter().all(|line| line.chars().count() <= width));
            let kept: String = lines.concat().split_whitespace().collect();
            let given: String = text.split_whitespace().collect();
            prop_assert_eq!(kept.replace(' ', ""), given);
        }
    }
}
