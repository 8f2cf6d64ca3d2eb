//! Flags of openstack-exporter that have nothing to do here, or that stackcast cannot honour yet.
//!
//! The first kind is accepted, so that a service file keeps working. The second is refused with what to do instead:
//! a flag that is silently without effect would export something else than was asked for.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use crate::cli::failure::Failure;

/// A foreign flag.
struct ForeignFlag {
    name: &'static str,
    takes_value: bool,
    effect: Effect,
}

/// What comes of it.
enum Effect {
    /// Accepted; why it is needless.
    Needless(&'static str),
    /// Refused; what to do instead.
    Refused(&'static str),
}

use Effect::{Needless, Refused};

const FLAGS: [ForeignFlag; 11] = [
    ForeignFlag {
        name: "cache",
        takes_value: false,
        effect: Needless("--cache has nothing to do: stackcast always collects in the background"),
    },
    ForeignFlag {
        name: "cache-ttl",
        takes_value: true,
        effect: Needless("--cache-ttl has nothing to do: collect.interval says how often is collected"),
    },
    ForeignFlag {
        name: "disable-cinder-agent-uuid",
        takes_value: false,
        effect: Needless("--disable-cinder-agent-uuid has nothing to do: stackcast never makes up a uuid label"),
    },
    ForeignFlag {
        name: "multi-cloud",
        takes_value: false,
        effect: Refused(
            "leave it out: every cloud of clouds.yaml is on the metrics page, with labels cloud and region; /probe comes later",
        ),
    },
    ForeignFlag {
        name: "collect-metric-time",
        takes_value: false,
        effect: Refused("leave it out: stackcast_collector_duration_seconds tells it for every collector, always"),
    },
    ForeignFlag {
        name: "disable-service-autodetect",
        takes_value: false,
        effect: Refused("name the services that must be there: --no-disable-service.<name>"),
    },
    ForeignFlag {
        name: "domain-id",
        takes_value: true,
        effect: Refused("log in with a user whose role is limited to the domain"),
    },
    ForeignFlag {
        name: "project-id",
        takes_value: true,
        effect: Refused("log in with a user whose role is limited to the project"),
    },
    ForeignFlag {
        name: "nova.metadata-extra-labels",
        takes_value: true,
        effect: Refused("leave it out: server metadata are not exported yet"),
    },
    ForeignFlag {
        name: "dns-concurrent-count",
        takes_value: true,
        effect: Refused(
            "leave it out: the DNS service is not collected yet; openstack.concurrency limits every service",
        ),
    },
    ForeignFlag {
        name: "web.systemd-socket",
        takes_value: false,
        effect: Refused("name an address with --web.listen-address"),
    },
];

/// The foreign flags that were given, by position in the table.
#[derive(Clone, Debug, Default)]
pub(super) struct Foreign(Vec<usize>);

impl Foreign {
    fn given(&self) -> impl Iterator<Item = &'static ForeignFlag> {
        self.0.iter().filter_map(|index| FLAGS.get(*index))
    }

    /// An error when one of them cannot be honoured.
    pub(super) fn refuse(&self) -> Result<(), Failure> {
        let refused = self.given().find_map(|flag| match flag.effect {
            Refused(instead) => Some((flag.name, instead)),
            Needless(_) => None,
        });
        match refused {
            Some((name, instead)) => Err(Failure::usage(format!("--{name} is not supported yet"), instead)),
            None => Ok(()),
        }
    }

    /// What to tell about those that are needless.
    pub(super) fn notes(&self) -> Vec<&'static str> {
        let note = |flag: &'static ForeignFlag| match flag.effect {
            Needless(why) => Some(why),
            Refused(_) => None,
        };
        self.given().filter_map(note).collect()
    }
}

impl FromArgMatches for Foreign {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given =
            |flag: &ForeignFlag| matches.value_source(flag.name) == Some(clap::parser::ValueSource::CommandLine);
        Ok(Self(FLAGS.iter().enumerate().filter(|(_, flag)| given(flag)).map(|(index, _)| index).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Foreign {
    fn augment_args(command: Command) -> Command {
        FLAGS.iter().fold(command, |command, flag| {
            let action = if flag.takes_value { ArgAction::Append } else { ArgAction::SetTrue };
            let arg = Arg::new(flag.name).long(flag.name).value_name("VALUE").action(action);
            command.arg(match flag.effect {
                Needless(why) => arg.help("Accepted without effect").long_help(why).hide_short_help(true),
                Refused(instead) => arg.help(instead).hide(true),
            })
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
