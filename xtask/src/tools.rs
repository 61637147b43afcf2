//! What the page's checks need besides Rust: Node.js with its packages, and a browser.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use digit8_host::chromium;
use digit8_host::process::{find, output, run as run_program};

use crate::apt::apt_install;
use crate::root;

/// Sees to it that the packages of package-lock.json are installed.
pub fn npm_packages() -> anyhow::Result<()> {
    const NEED: &str = "the page's checks need Node.js 20 or later with npm: please install it";
    if find("node").is_none() || find("npm").is_none() {
        apt_install(&["nodejs", "npm"]).context(NEED)?;
    }
    let version = output(Command::new("node").arg("--version"))?;
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    ensure!(major.is_some_and(|major| major >= 20), "{NEED} (this is {version})");
    let modified = |path: &str| std::fs::metadata(root().join(path))?.modified();
    let installed = modified("node_modules/.package-lock.json").ok();
    if installed < Some(modified("package-lock.json")?) {
        println!("installing the packages of package-lock.json with npm");
        run_program(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(root()))?;
    }
    Ok(())
}

/// The browser: the one that `CHROMIUM` names, an installed one, or Debian's package.
pub fn chromium() -> anyhow::Result<PathBuf> {
    if let Some(chromium) = chromium::installed()? {
        return Ok(chromium);
    }
    apt_install(&["chromium"])
        .context("the page's checks need Chromium or Chrome: please install it, or name it in CHROMIUM")?;
    chromium::installed()?.context("the package chromium brought no program of that name")
}
