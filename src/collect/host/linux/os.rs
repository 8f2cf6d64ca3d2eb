//! The distribution, from os-release.

use std::collections::HashMap;

use super::super::error::HostError;
use super::super::state::{State, number};
use super::text;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// The distribution as os-release describes it.
    OS_INFO = gauge "host_os_info" [build_id id id_like image_id image_version name pretty_name variant variant_id version version_codename version_id], Info, "/etc/os-release";
    /// Major and minor version of the distribution as a number.
    OS_VERSION = gauge "host_os_version" [id id_like name], None, "/etc/os-release";
}

/// The first one that exists, as the freedesktop specification orders them.
const FILES: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    for file in FILES {
        if let Some(text) = state.read_optional(&state.root(file))? {
            put(&text, part);
            return Ok(());
        }
    }
    Ok(())
}

fn put(text: &str, part: &mut PartBuilder) {
    let values: HashMap<&str, String> = text.lines().filter_map(text::assignment).collect();
    let get = |key: &str| values.get(key).map_or("", String::as_str);
    let labels = [
        get("BUILD_ID"),
        get("ID"),
        get("ID_LIKE"),
        get("IMAGE_ID"),
        get("IMAGE_VERSION"),
        get("NAME"),
        get("PRETTY_NAME"),
        get("VARIANT"),
        get("VARIANT_ID"),
        get("VERSION"),
        get("VERSION_CODENAME"),
        get("VERSION_ID"),
    ];
    part.put(&OS_INFO, labels, 1.0);
    if let Some(version) = major_minor(get("VERSION_ID")) {
        part.put(&OS_VERSION, [get("ID"), get("ID_LIKE"), get("NAME")], version);
    }
}

/// `22.04.3` is 22.04; what does not start with a digit has no number.
fn major_minor(version: &str) -> Option<f64> {
    let mut dots = 0;
    let end = version
        .find(|character: char| {
            dots += usize::from(character == '.');
            !(character.is_ascii_digit() || (character == '.' && dots == 1))
        })
        .unwrap_or(version.len());
    version.get(..end).filter(|number| number.starts_with(|c: char| c.is_ascii_digit())).and_then(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_numbers() {
        for (text, expected) in [
            ("12", Some(12.0)),
            ("22.04.3", Some(22.04)),
            ("9.4", Some(9.4)),
            ("39-beta", Some(39.0)),
            ("", None),
            ("rolling", None),
        ] {
            assert_eq!(major_minor(text), expected, "{text}");
        }
    }
}
