//! Settings from the environment, as containers give them: plain values, and secrets by value or by file.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::super::failure::Failure;

/// The variables of a process. Not `Debug`: some are secrets.
pub(super) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Those of this process; what is not UTF-8 counts as unset.
    pub(super) fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(text).collect())
    }

    #[cfg(test)]
    pub(super) fn of(variables: &[(&str, &str)]) -> Self {
        Self(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// A plain value; empty counts as unset, as compose files hand on what is not set.
    pub(super) fn value(&self, name: &str) -> Result<Option<&str>, Failure> {
        let value = self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        match value {
            // Alertmanager expands templates in most of its settings.
            Some(value) if value.contains("{{") || value.chars().any(char::is_control) => {
                Err(Failure::usage(format!("variable {name} holds a control character or `{{{{`"), "remove it"))
            }
            value => Ok(value),
        }
    }

    /// A secret, from the file that NAME_FILE names or from NAME.
    pub(super) fn secret(&self, name: &str) -> Result<Option<SecretString>, Failure> {
        let text = match self.value(&format!("{name}_FILE"))? {
            Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
                Failure::usage(format!("variable {name}_FILE: cannot read {path}: {error}"), "name a file, or unset it")
            })?),
            None => self.0.get(name).cloned(),
        };
        let text = text.map(|text| text.trim_end_matches(['\r', '\n']).to_owned()).filter(|text| !text.is_empty());
        Ok(text.map(SecretString::from))
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn an_empty_variable_is_unset_and_a_template_is_refused() {
        let environment = Environment::of(&[("EMPTY", " "), ("TEMPLATE", "{{ .x }}"), ("LINES", "a\nb")]);
        assert_eq!(environment.value("EMPTY").unwrap(), None);
        assert!(environment.value("TEMPLATE").is_err());
        assert!(environment.value("LINES").is_err());
    }

    #[test]
    fn a_file_wins_over_a_value_and_its_last_line_end_is_no_part_of_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        std::fs::write(&file, "from file\n").unwrap();
        let environment = Environment::of(&[("P", "from value"), ("P_FILE", file.to_str().unwrap())]);
        assert_eq!(environment.secret("P").unwrap().unwrap().expose_secret(), "from file");
        let missing = Environment::of(&[("P", "hunter2"), ("P_FILE", "/nonexistent/p")]);
        let failure = missing.secret("P").unwrap_err();
        assert!(failure.lines[0].0.contains("P_FILE") && !format!("{failure:?}").contains("hunter2"));
    }
}
