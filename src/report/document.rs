//! A report before it is printed: sections of notes, bars and tables. Knows nothing of where facts come from, and
//! nothing of HTML.

use serde::Serialize;

/// Longest text of a cell, in characters: names come from clouds, and may be anything.
const CELL_CHARACTERS_MAX: usize = 160;

/// How much something matters; the later, the more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Tone {
    /// As it should be.
    Good,
    /// Neither.
    #[default]
    Plain,
    /// To be looked at.
    Warning,
    /// To be done something about.
    Critical,
}

/// A report.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    /// What it is.
    pub(super) title: String,
    /// The story in one line; the subject of the mail.
    pub(super) subject: String,
    /// When it was made, and of what.
    pub(super) about: String,
    /// What the sections come to, in a line each.
    pub(super) facts: Vec<Fact>,
    /// The sections.
    pub(super) sections: Vec<Section>,
}

/// What a section comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Fact {
    pub(super) label: &'static str,
    pub(super) value: String,
    pub(super) tone: Tone,
}

/// A section.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Section {
    pub(super) title: &'static str,
    /// Where all of its rows are.
    pub(super) path: &'static str,
    #[serde(skip)]
    pub(super) fact: Option<Fact>,
    pub(super) blocks: Vec<Block>,
}

/// A part of a section.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Block {
    Note { text: String, tone: Tone },
    Bars(Vec<Bar>),
    Table(Table),
}

/// A ratio drawn as a bar, with the range that it may lie in.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Bar {
    pub(super) label: String,
    /// 0 to 1 are drawn; the text tells what lies beyond.
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) text: String,
    pub(super) tone: Tone,
}

/// A table.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Table {
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Cell>>,
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) tone: Tone,
}

impl Section {
    pub(super) const fn new(title: &'static str, path: &'static str) -> Self {
        Self { title, path, fact: None, blocks: Vec::new() }
    }

    /// What the section comes to.
    pub(super) fn fact(&mut self, label: &'static str, value: impl Into<String>, tone: Tone) {
        self.fact = Some(Fact { label, value: clean(&value.into()), tone });
    }

    /// Adds a sentence.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Note { text: tidy(&text.into()), tone: Tone::Plain });
    }

    /// Adds a sentence that should not be overlooked.
    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Note { text: tidy(&text.into()), tone: Tone::Warning });
    }

    /// Adds bars, if there are any.
    pub(super) fn bars(&mut self, bars: Vec<Bar>) {
        if !bars.is_empty() {
            self.blocks.push(Block::Bars(bars));
        }
    }

    /// Adds a table, if it has rows.
    pub(super) fn table(&mut self, head: &[&'static str], rows: Vec<Vec<Cell>>) {
        if !rows.is_empty() {
            self.blocks.push(Block::Table(Table { head: head.to_vec(), rows }));
        }
    }
}

impl Cell {
    pub(super) fn new(text: impl AsRef<str>) -> Self {
        Self { text: clean(text.as_ref()), tone: Tone::Plain }
    }

    pub(super) fn toned(text: impl AsRef<str>, tone: Tone) -> Self {
        Self { tone, ..Self::new(text) }
    }
}

/// Without control characters, which could end a header or a line, and not endless.
pub(super) fn clean(text: &str) -> String {
    let safe = tidy(text);
    match safe.char_indices().nth(CELL_CHARACTERS_MAX) {
        Some((end, _)) => safe.get(..end).unwrap_or_default().to_owned() + "…",
        None => safe,
    }
}

/// Without control characters and what turns the direction of writing.
fn tidy(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if c.is_control() || turns(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_end_a_line_and_are_not_endless() {
        assert_eq!(Cell::new("a\r\nBcc: x\u{202e}y").text, "a  Bcc: x y");
        assert_eq!(Cell::new("é".repeat(500)).text.chars().count(), CELL_CHARACTERS_MAX + 1);
    }

    #[test]
    fn what_is_empty_is_not_added() {
        let mut section = Section::new("A", "/a");
        section.bars(Vec::new());
        section.table(&["a"], Vec::new());
        assert!(section.blocks.is_empty());
    }
}
