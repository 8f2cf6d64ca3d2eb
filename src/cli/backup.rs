//! `stackcast backup`: a copy of the history store, whole and as of one moment, while the server runs.

use std::path::PathBuf;
use std::process::ExitCode;

use super::failure::Failure;
use super::flags::Flags;
use crate::history;

/// Flags of `backup`.
#[derive(Debug, clap::Args)]
pub(super) struct BackupFlags {
    /// File to make; one that exists is not overwritten
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

    /// The store's file.
    pub(super) fn file(&self) -> Result<PathBuf, Failure> {
        let directory = match &self.data {
            Some(directory) => directory.clone(),
            None => self.flags().sources().load()?.settings.data.directory,
        };
        Ok(directory.join(history::FILE_NAME))
    }
}

pub(super) fn run(flags: &BackupFlags) -> Result<ExitCode, Failure> {
    history::backup(&flags.from.file()?, &flags.file).map_err(|error| Failure::new(error.to_string()))?;
    Ok(ExitCode::SUCCESS)
}
