//! Getting programs of the distribution, where the system can.

use std::process::Command;

use anyhow::{Context, bail, ensure};
use digit8_host::process::{find, output};

/// Installs packages of the distribution, where that is Debian's kind and we may.
pub fn apt_install(packages: &[&str]) -> anyhow::Result<()> {
    let wanted = format!("apt-get install {}", packages.join(" "));
    let Some(apt) = find("apt-get") else { bail!("this system has no apt-get") };
    ensure!(is_root(), "not root, so please run `sudo {wanted}`");
    println!("installing {} with apt-get", packages.join(" and "));
    let apt = |words: &[&str]| {
        output(Command::new(&apt).env("DEBIAN_FRONTEND", "noninteractive").arg("--quiet").args(words))
    };
    // An outdated or unreachable index may still hold what is needed: the install decides.
    let update = apt(&["update"]);
    let mut words = vec!["install", "--yes", "--no-install-recommends"];
    words.extend(packages);
    apt(&words).and(Ok(())).with_context(|| match update {
        Ok(_) => format!("`{wanted}` failed"),
        Err(error) => format!("`{wanted}` failed, and before it `apt-get update`: {error:#}"),
    })
}

#[cfg(unix)]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}
