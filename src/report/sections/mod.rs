//! The sections of the report: each asks the API, words what it finds and says what it comes to. A new one is a file
//! and a word in `sections!`.

use super::ask::{Answers, AskError};
use super::document::Section;

/// What sections work with.
pub(super) struct Desk<'a> {
    pub(super) answers: &'a dyn Answers,
    /// Whether places have to be told with their cloud.
    pub(super) several: bool,
    /// Days from ordering hardware to its use; 0 is not told.
    pub(super) lead_time_days: u32,
    /// The first day of the time that is looked back at.
    pub(super) since: String,
}

/// Declares the sections in their order.
macro_rules! sections {
    ($($name:ident),+ $(,)?) => {
        $(mod $name;)+
        /// All sections, each whole or with the reason why it is not.
        pub(super) async fn all(desk: &Desk<'_>) -> Vec<Section> {
            let mut sections = Vec::new();
            $(
                let mut section = Section::new($name::TITLE, $name::PATH);
                if let Err(error) = $name::fill(&mut section, desk).await {
                    not_known(&mut section, &error);
                }
                sections.push(section);
            )+
            sections
        }
    };
}

sections![runway, outlook, headroom, risk, waste, projects, anomalies, changes, accuracy, health];

/// One section that cannot be told keeps no other waiting.
fn not_known(section: &mut Section, error: &AskError) {
    if error.is_absent() {
        section.note(format!("Not known: {error}"));
    } else {
        section.warn(format!("Not known: {error}"));
    }
}

/// `1 thing`, `2 things`.
fn things(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", super::figures::count(number as f64), if number == 1 { one } else { many })
}
