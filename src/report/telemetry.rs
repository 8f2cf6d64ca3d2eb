//! What is told of messages: how many, and when one last arrived.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::model::clock::Timestamp;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Reports and notices by channel (file, mail, slack) and result (sent, failed) since the start.
    MESSAGES = counter "stackcast_messages_total" [kind channel result], Count, "reports and notices";
    /// When a report or notice last reached a channel; absent before the first one.
    LAST_SENT = gauge "stackcast_message_last_sent_timestamp_seconds" [kind channel], Timestamp, "reports and notices";
    /// Problems that a notice has told of and that are not over.
    OPEN = gauge "stackcast_notices_open" [topic], Count, "reports and notices";
}

/// Counts of this process.
#[derive(Debug, Default)]
pub(super) struct Telemetry(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    messages: BTreeMap<(&'static str, &'static str), [u64; 2]>,
    last: BTreeMap<(&'static str, &'static str), Timestamp>,
    open: BTreeMap<&'static str, usize>,
}

impl Telemetry {
    /// Counts a message.
    pub(super) fn count(&self, kind: &'static str, channel: &'static str, sent: Option<Timestamp>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [good, bad] = counts.messages.entry((kind, channel)).or_default();
        *(if sent.is_some() { good } else { bad }) += 1;
        if let Some(at) = sent {
            counts.last.insert((kind, channel), at);
        }
    }

    /// Sets how many problems of each topic are open.
    pub(super) fn open(&self, open: BTreeMap<&'static str, usize>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).open = open;
    }

    /// The families.
    pub(super) fn part(&self) -> PartBuilder {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut part = PartBuilder::new();
        for ((kind, channel), [sent, failed]) in &counts.messages {
            part.put(&MESSAGES, [kind, channel, "sent"], *sent as f64);
            part.put(&MESSAGES, [kind, channel, "failed"], *failed as f64);
        }
        for ((kind, channel), at) in &counts.last {
            part.put(&LAST_SENT, [kind, channel], at.seconds());
        }
        for (topic, number) in &counts.open {
            part.put(&OPEN, [topic], *number as f64);
        }
        part
    }
}
