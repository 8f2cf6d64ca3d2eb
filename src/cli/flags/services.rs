//! `--disable-service.<name>` and `--no-disable-service.<name>`, for each service that openstack-exporter knows.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

/// A service and its two flags; clap wants names that live as long as the program.
struct Names {
    service: &'static str,
    off: &'static str,
    on: &'static str,
}

macro_rules! names {
    ($($service:literal),+ $(,)?) => {
        const NAMES: &[Names] = &[$(Names {
            service: $service,
            off: concat!("disable-service.", $service),
            on: concat!("no-disable-service.", $service),
        }),+];
    };
}

names![
    "network",
    "compute",
    "image",
    "volume",
    "identity",
    "object-store",
    "load-balancer",
    "container-infra",
    "dns",
    "baremetal",
    "gnocchi",
    "database",
    "orchestration",
    "placement",
    "sharev2",
];

/// Services switched by flags: the flag, the service, whether it is enabled.
#[derive(Clone, Debug, Default)]
pub(super) struct Services(Vec<(&'static str, &'static str, bool)>);

impl Services {
    pub(super) fn chosen(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        self.0.iter().copied()
    }
}

impl FromArgMatches for Services {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut chosen = Vec::new();
        for names in NAMES {
            for (flag, enabled) in [(names.off, false), (names.on, true)] {
                if matches.get_flag(flag) {
                    chosen.push((flag, names.service, enabled));
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
        let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
        NAMES.iter().fold(command, |command, names| {
            // One line of help for the thirty flags; all are accepted.
            let first = names.service == "compute";
            let help = "Leave out a service; likewise for the others (identity, placement, ...)";
            let insist = "Insist on a service: its absence is a failure; unset, the catalog decides";
            command
                .arg(flag(names.off).help(help).hide(!first).overrides_with(names.on))
                .arg(flag(names.on).help(insist).hide(!first).overrides_with(names.off))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_that_the_configuration_takes() {
        let names: Vec<&str> = NAMES.iter().map(|names| names.service).collect();
        assert_eq!(names, crate::config::SERVICES);
    }
}
