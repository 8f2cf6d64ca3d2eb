//! Reports: the courier's task, and the API that a report is made from, of this process or of a copy of its data.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Error;
use super::running::App;
use crate::config::Settings;
use crate::expose::Inside;
use crate::history;
use crate::model::clock::Clock;
use crate::model::day::Day;
use crate::model::part::{Origin, PartKey};
use crate::report::{Answers, AskError, Courier, Document, Secrets, compose};
use crate::workload::{self, Desk};

/// How often it is seen whether something is due.
const LOOK: Duration = Duration::from_secs(30);
/// Exposition group.
const GROUP: &str = "report";

/// The API of this process.
struct Within(Inside);

impl Answers for Within {
    fn ask<'a>(&'a self, question: &'a str) -> BoxFuture<'a, Result<Vec<u8>, AskError>> {
        let refused =
            |refusal: crate::expose::Refusal| AskError::Refused { status: refusal.status, detail: refusal.detail };
        self.0.ask(question).map(move |answer| answer.map_err(refused)).boxed()
    }
}

impl App {
    /// Starts the courier where reports or notices are wanted.
    pub(super) fn start_reports(
        self: &Arc<Self>,
        settings: &Settings,
        stop: CancellationToken,
    ) -> Option<JoinHandle<()>> {
        if !settings.report.is_active() {
            return None;
        }
        let answers = Arc::new(Within(Inside::new(self.hooks())));
        let (clock, data) = (self.clock.clone(), &settings.data.directory);
        let courier = Courier::new(answers, &settings.report, Secrets::of_process(), clock, host(), data);
        Some(tokio::spawn(run(Arc::clone(self), courier, stop)))
    }
}

async fn run(app: Arc<App>, mut courier: Courier, stop: CancellationToken) {
    loop {
        let key = PartKey { group: GROUP, origin: Origin::LOCAL, source: GROUP.into() };
        let mut part = courier.part();
        let filter = app.filter.load();
        part.retain(|row| !filter.drops(&row.name, row.slow, row.deprecated));
        part.drop_labels(|row, label| filter.drops_label(&row.name, label));
        let (part, dropped) = part.seal(key, app.clock.now(), app.store.limits().per_family);
        app.store.publish(part, dropped);
        drop(filter);
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => return,
        }
        tokio::select! {
            () = courier.look() => {}
            () = stop.cancelled() => return,
        }
    }
}

/// The name of this machine, by which readers know whose report this is.
fn host() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "stackcast".to_owned() } else { name }
}

/// Makes a report from what a stackcast has kept on disk: forecasts, their quality and workload changes. What it held
/// in memory only is said to be unknown. The files are copied first, so that one that runs is not disturbed.
///
/// # Errors
/// The data cannot be read.
pub async fn report_of_data(settings: &Settings, directory: &Path) -> Result<Document, Error> {
    let copy = CopiedStores::of(directory)?;
    let mut settings = settings.clone();
    settings.data.directory = copy.0.clone();
    settings.history.prometheus.url = None;
    let own = settings.clone();
    let clock = Clock::system();
    let app = App::new(&settings, Arc::new(move || Ok(own.clone())), clock.clone());
    app.publish_kept(&settings).await?;
    if copy.0.join(workload::FILE_NAME).exists() {
        let store =
            workload::Store::open(&copy.0, Day::of(clock.now())).map_err(crate::history::HistoryError::Store)?;
        let desk = Desk::new(Arc::new(store), Arc::default(), clock.clone(), None);
        let _first = app.records.set(Arc::new(desk));
    }
    let answers = Within(Inside::new(app.hooks()));
    Ok(compose(&answers, &settings.report, &directory.display().to_string(), clock.now()).await)
}

/// A copy of the stores, removed when it is dropped.
struct CopiedStores(std::path::PathBuf);

impl CopiedStores {
    fn of(directory: &Path) -> Result<Self, Error> {
        let (history, records) = (directory.join(history::FILE_NAME), directory.join(workload::FILE_NAME));
        let failed = |error| Error::History(history::HistoryError::Store(error));
        let folder = std::env::temp_dir().join(format!("stackcast-report-{:016x}", fastrand::u64(..)));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(&folder)
            .map_err(|source| crate::config::DirectoryError::Make { path: folder.clone(), source })?;
        let copy = Self(folder);
        // With neither, the history is what is missed.
        if history.exists() || !records.exists() {
            history::backup(&history, &copy.0.join(history::FILE_NAME)).map_err(failed)?;
        }
        if records.exists() {
            workload::backup(directory, &copy.0.join(workload::FILE_NAME)).map_err(failed)?;
        }
        Ok(copy)
    }
}

impl Drop for CopiedStores {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "a temporary folder stays");
        }
    }
}
