//! `stackcast reference`: documents generated from the tables and types that the program runs on.
//!
//! What is printed here is committed below docs/ and examples/; a test fails when it differs.

mod config;
mod metrics;

use std::process::ExitCode;

use super::failure::Failure;

/// Flags of `reference`.
#[derive(Debug, clap::Args)]
pub(super) struct ReferenceFlags {
    /// What to print
    #[arg(value_enum)]
    what: What,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum What {
    /// Every metric (docs/metrics.md)
    Metrics,
    /// Every configuration key with its default (examples/stackcast.toml)
    Config,
    /// JSON schema of the configuration (examples/stackcast.schema.json)
    Schema,
}

pub(super) fn run(flags: &ReferenceFlags) -> Result<ExitCode, Failure> {
    let text = match flags.what {
        What::Metrics => metrics::render(),
        What::Config => config::render(),
        What::Schema => schema()?,
    };
    super::output::write(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn schema() -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(&crate::config::keys::schema());
    text.map(|text| text + "\n").map_err(|error| Failure::new(error.to_string()))
}
