//! `stackcast backup`: a copy of the stores, each whole and as of one moment, while the server runs.

use std::path::PathBuf;
use std::process::ExitCode;

use super::failure::Failure;
use super::flags::Flags;
use crate::{history, workload};

/// Flags of `backup`.
#[derive(Debug, clap::Args)]
pub(super) struct BackupFlags {
    /// File to make; one that exists is not overwritten. Workload records, where there are any, are copied to a second
    /// one beside it: FILE `history-1.db` makes `history-1.workload.db`
    #[arg(value_name = "FILE")]
    file: PathBuf,
    // The cloud, an argument of other commands, would take the file's place.
    #[command(flatten)]
    from: Source,
}

/// Where the store lies.
#[derive(Debug, clap::Args)]
pub(super) struct Source {
    /// Configuration file [default: as for `serve`]
    #[arg(long, short, value_name = "FILE", env = "STACKCAST_CONFIG")]
    config: Option<PathBuf>,
    /// Directory of the store [default: data.directory]
    #[arg(long, value_name = "DIRECTORY")]
    data: Option<PathBuf>,
}

impl Source {
    /// The same as flags of other commands.
    pub(super) fn flags(&self) -> Flags {
        Flags::of_file(self.config.clone())
    }

    /// The history's file.
    pub(super) fn file(&self) -> Result<PathBuf, Failure> {
        Ok(self.directory()?.join(history::FILE_NAME))
    }

    /// The data directory.
    pub(super) fn directory(&self) -> Result<PathBuf, Failure> {
        Ok(match &self.data {
            Some(directory) => directory.clone(),
            None => self.flags().sources().load()?.settings.data.directory,
        })
    }
}

pub(super) fn run(flags: &BackupFlags) -> Result<ExitCode, Failure> {
    let failed = |error: history::StoreError| Failure::new(error.to_string());
    let directory = flags.from.directory()?;
    let (history, records) = (directory.join(history::FILE_NAME), directory.join(workload::FILE_NAME));
    // A collector may have records and no history; with neither, the history is what is missed.
    if history.exists() || !records.exists() {
        history::backup(&history, &flags.file).map_err(failed)?;
    }
    if records.exists() {
        workload::backup(&directory, &flags.file.with_extension("workload.db")).map_err(failed)?;
    }
    Ok(ExitCode::SUCCESS)
}
