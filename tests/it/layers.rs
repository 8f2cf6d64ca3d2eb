//! The direction of imports, as drawn in the crate's manual: reads every `crate::` path in src/ and fails on one that
//! points the wrong way. It reads text, not syntax: what a macro makes up is beyond it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Who may use whom; what is not written here is forbidden.
const RULES: [(&str, &[&str]); 13] = [
    ("main", &["cli", "app", "config", "expose", "collect", "openstack", "demo", "model"]),
    (
        "cli",
        &[
            "app",
            "config",
            "expose",
            "report",
            "workload",
            "analyse",
            "history",
            "collect",
            "openstack",
            "demo",
            "model",
        ],
    ),
    ("app", &["config", "expose", "report", "workload", "analyse", "history", "collect", "openstack", "model"]),
    ("config", &["expose", "report", "workload", "analyse", "history", "collect", "openstack", "demo"]),
    ("expose", &["history", "model"]),
    ("report", &["model"]),
    ("workload", &["history", "model"]),
    ("analyse", &["history", "model"]),
    ("history", &["model"]),
    ("collect", &["model", "openstack"]),
    ("openstack", &["model"]),
    ("demo", &["model"]),
    ("model", &[]),
];

/// Of the stages, `config` may name types only: settings and what they are made of.
const TYPES_ONLY: &str = "config";

/// Macros at the root of the crate; they belong to `model`.
const MACROS: [&str; 3] = ["metrics!", "metric_kind!", "metric_flag!"];

/// Every import that points the wrong way in the text of a file of `module`.
fn violations(module: &str, text: &str) -> Vec<String> {
    let Some((_, allowed)) = RULES.iter().find(|(name, _)| *name == module) else {
        return vec![format!("module `{module}` has no rule; add it to RULES in tests/it/layers.rs and to the manual")];
    };
    let mut wrong = Vec::new();
    for path in paths(text) {
        let mut names = path.split("::");
        let first = names.next().unwrap_or_default();
        let macro_of_model = MACROS.contains(&first);
        if first.is_empty() || first == module || macro_of_model {
            continue;
        }
        let known = RULES.iter().any(|(name, _)| *name == first);
        if !known {
            wrong.push(format!("{module} uses crate::{path}, a module without a rule"));
        } else if !allowed.contains(&first) {
            wrong.push(format!("{module} must not use crate::{path}"));
        } else if module == TYPES_ONLY && !names.any(|name| name.starts_with(char::is_uppercase)) {
            wrong.push(format!("{module} may use types of {first} only, not crate::{path}"));
        }
    }
    wrong
}

/// Paths from the root of the crate, without the root: `crate::a::b`, groups in braces taken apart, `super::` chains
/// that end in a module of the root, and `stackcast::` as main.rs has it.
fn paths(text: &str) -> Vec<String> {
    let code: String =
        text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for root in ["crate::", "stackcast::", "super::super::"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let mut rest = &code[at + root.len()..];
            while let Some(further) = rest.strip_prefix("super::") {
                rest = further;
            }
            let own = expand(rest);
            let relative = root.starts_with("super");
            // A chain of `super` may end anywhere; only names of root modules are taken for those.
            found.extend(
                own.into_iter()
                    .filter(|path| !relative || RULES.iter().any(|(name, _)| path.split("::").next() == Some(name))),
            );
        }
    }
    found
}

/// The paths at the start of a text: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn expand(text: &str) -> Vec<String> {
    let text = text.trim_start();
    let Some(group) = text.strip_prefix('{') else {
        let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':' || c == '!')).unwrap_or(text.len());
        let (path, rest) = text.split_at(end);
        if let (Some(prefix), true) = (path.strip_suffix("::"), rest.starts_with('{')) {
            return expand(rest).into_iter().map(|tail| format!("{prefix}::{tail}")).collect();
        }
        return vec![path.trim_end_matches(':').to_owned()];
    };
    let mut depth = 0;
    let mut item = String::new();
    let mut items = Vec::new();
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            ',' if depth == 0 => items.push(std::mem::take(&mut item)),
            _ => {
                depth += i32::from(c == '{') - i32::from(c == '}');
                item.push(c);
            }
        }
    }
    items.push(item);
    items.iter().filter(|item| !item.trim().is_empty()).flat_map(|item| expand(item)).collect()
}

fn sources(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn imports_go_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 20, "only {} files found", files.len());
    let mut wrong = Vec::new();
    let mut imports = 0;
    for file in files {
        let inner = file.strip_prefix(&root).unwrap();
        let module = inner.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        imports += paths(&text).len();
        wrong.extend(violations(module, &text).into_iter().map(|found| format!("src/{}: {found}", inner.display())));
    }
    assert!(imports > 50, "only {imports} imports found: the reader is broken");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_manual_draws_the_same_rules() {
    let manual = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let declared: BTreeSet<&str> = manual
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod ")))
        .map(|rest| rest.trim_end_matches(';'))
        .collect();
    for module in declared {
        assert!(RULES.iter().any(|(name, _)| *name == module), "`{module}` has no rule");
        assert!(manual.contains(&format!("//! | [`{module}`]")), "`{module}` is missing in the manual's table");
    }
}

#[test]
fn planted_violations_are_found() {
    let one = |module: &str, line: &str| violations(module, line).len();
    assert_eq!(one("expose", "use crate::collect::Settings;"), 1);
    assert_eq!(one("model", "use crate::{model::part::Part, openstack::client::Cloud};"), 1);
    assert_eq!(one("collect", "use crate::{\n    expose::{Settings, Naming},\n    config,\n};"), 3);
    assert_eq!(one("openstack", "fn f(x: &crate::app::Error) {}"), 1);
    assert_eq!(one("expose", "use super::super::collect::runner;"), 1);
    assert_eq!(one("config", "use crate::collect::runner::run;"), 1);
    assert_eq!(one("demo", "use crate::nothing::X;"), 1, "a module without a rule");
    assert_eq!(one("nothing", ""), 1);
}

#[test]
fn what_is_allowed_is_left_alone() {
    let none = |module: &str, line: &str| assert_eq!(violations(module, line), Vec::<String>::new(), "{line}");
    none("collect", "use crate::openstack::{client::Cloud, error::Error};\ncrate::metrics! {}");
    none("config", "pub host: crate::collect::host::Settings,");
    none("expose", "//! See [`crate::collect`].\nuse crate::model::part::Part; // not crate::collect");
    none("model", "use super::super::clock::Timestamp;\nuse crate::model::id::Id;");
    none("main", "stackcast::cli::run()");
    none("openstack", "my_crate::collect::x()");
}
