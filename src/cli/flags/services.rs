//! `--disable-service.<name>` and `--no-disable-service.<name>`, for each service that settings may name.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use crate::collect::Settings;

/// The two flags of every service, for messages; the key behind them names the service.
const OFF: &str = "--disable-service.<name>";
const ON: &str = "--no-disable-service.<name>";

/// Services switched by flags: the flag, the service, whether it is enabled.
#[derive(Clone, Debug, Default)]
pub(super) struct Services(Vec<(&'static str, &'static str, bool)>);

impl Services {
    pub(super) fn chosen(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        self.0.iter().copied()
    }
}

fn off(service: &str) -> String {
    format!("disable-service.{service}")
}

fn on(service: &str) -> String {
    format!("no-disable-service.{service}")
}

impl FromArgMatches for Services {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut chosen = Vec::new();
        for service in Settings::SERVICE_NAMES {
            for (flag, name, enabled) in [(OFF, off(service), false), (ON, on(service), true)] {
                if matches.get_flag(&name) {
                    chosen.push((flag, service, enabled));
                }
            }
        }
        Ok(Self(chosen))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Services {
    fn augment_args(command: Command) -> Command {
        let flag = |name: String| Arg::new(name.clone()).long(name).action(ArgAction::SetTrue);
        Settings::SERVICE_NAMES.iter().fold(command, |command, service| {
            // One line of help for the thirty flags; all are accepted.
            let first = *service == "compute";
            let help = "Leave out a service; likewise for the others (identity, placement, ...)";
            let insist = "Insist on a service: its absence is a failure; unset, the catalog decides";
            command
                .arg(flag(off(service)).help(help).hide(!first).overrides_with(on(service)))
                .arg(flag(on(service)).help(insist).hide(!first).overrides_with(off(service)))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
