//! Running other programs, and getting them where the system can.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

/// Where a program is, if it is in `PATH`.
pub fn find(program: impl AsRef<OsStr>) -> Option<PathBuf> {
    which::which(program).ok()
}

/// The cargo that runs this xtask.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs a program to its end; an error if it fails.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let status =
        command.stdin(Stdio::null()).status().with_context(|| format!("cannot run {}", shown(command)))?;
    ensure!(status.success(), "{} failed: {status}", shown(command));
    Ok(())
}

/// What a program prints, without the last line's end; an error if it fails.
pub fn output(command: &mut Command) -> anyhow::Result<String> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {}", shown(command)))?;
    ensure!(
        output.status.success(),
        "{} failed: {}",
        shown(command),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// A command as one would type it.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// The most memory that this process has held at once, in bytes, where the system tells (Linux).
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

/// A path as one would type it.
pub fn typed(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+:\\".contains(c);
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

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
