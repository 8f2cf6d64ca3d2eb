//! `stackcast serve`: collect in the background and serve, until SIGTERM or SIGINT.

use std::process::ExitCode;
use std::sync::Arc;

use super::failure::Failure;
use super::flags::Flags;
use crate::app;

pub(super) fn run(flags: &Flags) -> Result<ExitCode, Failure> {
    let loaded = super::start(flags)?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), sources = loaded.sources.join(", "), "stackcast starts");
    for note in flags.notes() {
        tracing::info!("{note}");
    }
    let sources = flags.sources();
    let loader: app::Loader = Arc::new(move || sources.load().map(|loaded| loaded.settings));
    super::block_on(app::serve(loader))??;
    Ok(ExitCode::SUCCESS)
}
