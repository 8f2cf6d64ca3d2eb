//! Flags of openstack-exporter that have nothing to do here: accepted, so that a service file keeps working, and said
//! so in the log.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

/// A flag without effect.
struct ForeignFlag {
    name: &'static str,
    takes_value: bool,
    /// Why it is needless.
    why: &'static str,
}

const FLAGS: [ForeignFlag; 4] = [
    ForeignFlag {
        name: "cache",
        takes_value: false,
        why: "--cache has nothing to do: stackcast always collects in the background",
    },
    ForeignFlag {
        name: "cache-ttl",
        takes_value: true,
        why: "--cache-ttl has nothing to do: collect.interval says how often is collected",
    },
    ForeignFlag {
        name: "disable-cinder-agent-uuid",
        takes_value: false,
        why: "--disable-cinder-agent-uuid has nothing to do: stackcast never makes up a uuid label",
    },
    ForeignFlag {
        name: "dns-concurrent-count",
        takes_value: true,
        why: "--dns-concurrent-count has nothing to do: openstack.concurrency limits the requests to every service",
    },
];

/// The foreign flags that were given, by position in the table.
#[derive(Clone, Debug, Default)]
pub(super) struct Foreign(Vec<usize>);

impl Foreign {
    /// What to tell about them.
    pub(super) fn notes(&self) -> Vec<&'static str> {
        self.0.iter().filter_map(|index| FLAGS.get(*index)).map(|flag| flag.why).collect()
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
            command.arg(arg.help("Accepted without effect").long_help(flag.why).hide_short_help(true))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
