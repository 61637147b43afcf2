//! The crates' order: data flows one way, and so do the dependencies.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

/// What each crate may import of the workspace. None of those on the right stands above the crate on the left.
const MAY_IMPORT: [(&str, &[&str]); 13] = [
    ("kernels", &[]),
    ("host", &[]),
    ("site", &["host"]),
    ("core", &["kernels"]),
    ("data", &["host", "core"]),
    ("report", &["host", "core"]),
    ("interchange", &["core"]),
    ("web", &["core", "interchange"]),
    ("notebook", &["host", "core", "data", "report"]),
    ("bench", &["host", "kernels", "core", "data", "report", "interchange"]),
    ("cli", &["host", "kernels", "core", "data", "report", "interchange", "notebook", "bench"]),
    ("xtask", &["host", "site"]),
    ("tests", &["kernels", "core", "interchange"]),
];

/// The crates of the workspace, each with those of them that it imports; what only its own tests import does not count.
fn crates() -> Vec<(String, BTreeSet<String>)> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version=1"]);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let short = |value: &Value| value.as_str().unwrap().trim_start_matches("digit8-").to_owned();
    let imports = |package: &Value| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let ours =
            dependencies.filter(|dependency| dependency["path"].is_string() && dependency["kind"] != "dev");
        ours.map(|dependency| short(&dependency["name"])).collect()
    };
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().map(|package| (short(&package["name"]), imports(package))).collect()
}

#[test]
fn every_crate_imports_only_what_it_may() {
    for (name, imports) in crates() {
        let known = MAY_IMPORT.iter().find(|(known, _)| *known == name);
        let (_, may) = known.unwrap_or_else(|| panic!("say here what {name} may import"));
        for import in imports {
            assert!(may.contains(&&*import), "{name} imports {import}, and may not");
        }
    }
}

#[test]
fn no_arrow_runs_back_up() {
    for (at, (name, may)) in MAY_IMPORT.iter().enumerate() {
        for import in *may {
            let below = MAY_IMPORT[..at].iter().any(|(known, _)| known == import);
            assert!(below, "{name} may import {import}, which does not stand above it in the list");
        }
    }
}
