//! Commands and flags (on this branch only what the anomaly scorer needs).
mod anomaly;

use clap::Parser;

#[derive(Debug, clap::Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Anomaly(anomaly::Args),
}

/// Runs the command that the arguments name.
pub fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Anomaly(args) => anomaly::run(&args),
    }
}
