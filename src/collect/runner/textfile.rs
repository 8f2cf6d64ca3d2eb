//! The pace of the text files.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;

use super::Runner;
use crate::collect::health::{CollectorHealth, Report};
use crate::collect::textfile::TextFiles;
use crate::model::part::{Origin, PartKey};

/// Exposition group, service and collector.
const GROUP: &str = "textfile";

impl Runner {
    /// Starts reading the directories of text files, if there are any.
    pub fn spawn_textfiles(&self) {
        let Some(mut reader) = self.textfiles() else { return };
        let runner = self.clone();
        let interval = Duration::from_secs(self.settings.textfile.interval_seconds.max(1));
        self.tasks.spawn(async move {
            let mut ticks = tokio::time::interval(interval);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    () = runner.stop.cancelled() => return,
                }
                let shared = runner.clone();
                let read = tokio::task::spawn_blocking(move || {
                    shared.read_textfiles(&mut reader);
                    reader
                });
                match read.await {
                    Ok(returned) => reader = returned,
                    Err(failure) => {
                        tracing::error!(%failure, "text files could not be read");
                        return;
                    }
                }
            }
        });
    }

    /// Reads them once: for `once` and `check`. Blocks.
    pub fn read_textfiles_once(&self) {
        if let Some(mut reader) = self.textfiles() {
            self.read_textfiles(&mut reader);
        }
    }

    fn textfiles(&self) -> Option<Reader> {
        let settings = self.settings.textfile.clone();
        if settings.directories.is_empty() {
            return None;
        }
        let own = crate::collect::tables().into_iter().flatten().map(|row| row.name.as_ref());
        let health = self.health.register(Origin::LOCAL, GROUP, GROUP, true);
        Some(Reader { files: TextFiles::new(settings, own), health, report: Report::new(GROUP) })
    }

    fn read_textfiles(&self, reader: &mut Reader) {
        let started = Instant::now();
        let Some((mut part, refused)) = reader.files.read() else { return };
        reader.report.add_items(part.samples());
        for (reason, detail) in &refused {
            reader.report.reject(reason, detail);
        }
        self.keep.apply(&mut part);
        let key = PartKey { group: GROUP, origin: Origin::LOCAL, source: GROUP.into() };
        let (part, dropped) = part.seal(key, self.clock.now(), self.store.limits().per_family);
        self.store.publish(part, dropped);
        let (items, visibility, rejected) = reader.report.finish();
        reader.health.succeeded(self.clock.now(), started.elapsed(), items, visibility, rejected);
    }
}

/// What is kept between looks.
struct Reader {
    files: TextFiles,
    health: Arc<CollectorHealth>,
    report: Report,
}
