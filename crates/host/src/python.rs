//! A Python for other people's packages: the one that `DIGIT8_PYTHON` names, or a virtual environment of our own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::process::{find, output, run};

/// The variable that names an interpreter which has the packages already.
pub const VARIABLE: &str = "DIGIT8_PYTHON";

/// The interpreter that the variable names, if it names one.
///
/// # Errors
/// If there is no such program.
pub fn named() -> anyhow::Result<Option<PathBuf>> {
    let named = std::env::var_os(VARIABLE).filter(|named| !named.is_empty());
    let program = |named: OsString| {
        find(&named).with_context(|| format!("{VARIABLE} is {}: no such program", named.display()))
    };
    named.map(program).transpose()
}

/// The interpreter of a virtual environment, which is made if it is not there.
///
/// # Errors
/// If there is no Python, or it makes none.
pub fn environment(folder: &Path) -> anyhow::Result<PathBuf> {
    let program = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if output(Command::new(&program).args(["-m", "pip", "--version"])).is_err() {
        let system = find("python3").or_else(|| find("python"));
        let system = system.with_context(|| {
            format!("there is no python3: please install it, or name an interpreter in {VARIABLE}")
        })?;
        println!("Making a virtual environment in {}", folder.display());
        run(Command::new(system).args(["-m", "venv", "--clear"]).arg(folder))
            .context("python3 makes no virtual environment; Debian's package for that is python3-venv")?;
    }
    Ok(program)
}
