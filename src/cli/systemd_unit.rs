//! `stackcast systemd-unit`: the unit of examples/systemd, from the program itself: one source, two ways to get it.
//!
//! It only prints: where units belong, and whether to start one, is for whoever installs.

use std::path::PathBuf;
use std::process::ExitCode;

use super::failure::Failure;

const UNIT: &str = include_str!("../../examples/systemd/stackcast.service");
const DEFAULTS: &str = include_str!("../../examples/systemd/stackcast.default");
/// Where the unit expects the program.
const PROGRAM: &str = "/usr/local/bin/stackcast";

/// Flags of `systemd-unit`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
  stackcast systemd-unit > /etc/systemd/system/stackcast.service
  stackcast systemd-unit --defaults > /etc/default/stackcast     (Red Hat, SUSE: /etc/sysconfig/stackcast)")]
pub(super) struct UnitFlags {
    /// Print the file of flags and variables that the unit reads, in place of the unit
    #[arg(long, conflicts_with = "program")]
    defaults: bool,
    /// Where the program is
    #[arg(long, value_name = "FILE", default_value = PROGRAM)]
    program: PathBuf,
}

pub(super) fn run(flags: &UnitFlags) -> Result<ExitCode, Failure> {
    let text = match flags.defaults {
        true => DEFAULTS.to_owned(),
        false => unit(&flags.program)?,
    };
    super::output::write(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn unit(program: &std::path::Path) -> Result<String, Failure> {
    let path = program.to_str().filter(|path| program.is_absolute() && !path.contains(char::is_whitespace));
    let path = path.ok_or_else(|| {
        let message = format!("flag --program: {} cannot stand in a unit", program.display());
        Failure::usage(message, "give a path from the root, without blanks")
    })?;
    Ok(UNIT.replace(PROGRAM, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_where_it_is_said_to_be() {
        assert_eq!(unit(PROGRAM.as_ref()), Ok(UNIT.to_owned()));
        let moved = unit("/opt/stackcast/bin/stackcast".as_ref()).unwrap();
        assert!(moved.contains("\nExecStart=/opt/stackcast/bin/stackcast serve "), "{moved}");
        assert!(!moved.contains(PROGRAM));
        for wrong in ["stackcast", "/opt/my programs/stackcast"] {
            assert_eq!(unit(wrong.as_ref()).unwrap_err().code, 2, "{wrong}");
        }
    }

    /// systemd reads the file of defaults only if the unit names it.
    #[test]
    fn the_unit_reads_the_defaults() {
        assert!(UNIT.contains("EnvironmentFile=-/etc/default/stackcast"));
        assert!(UNIT.contains("$STACKCAST_OPTIONS") && DEFAULTS.contains("\nSTACKCAST_OPTIONS="));
    }
}
