//! Browsers as plain programs, each run with a profile of its own.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use tempfile::TempDir;

use digit8_host::chromium;
use digit8_host::process::{find, output, shown};

/// A browser that is installed.
pub struct Browser {
    /// `Chromium 156`.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Chromium,
    Firefox,
}

impl Browser {
    /// The one that the page's tests use.
    pub fn chromium() -> anyhow::Result<Self> {
        let program =
            chromium::installed()?.context("found no Chromium: please install it, or name it in CHROMIUM")?;
        Self::new("Chromium", program, Kind::Chromium)
    }

    /// Firefox, where it is installed.
    pub fn firefox() -> anyhow::Result<Option<Self>> {
        const MAC: &str = "/Applications/Firefox.app/Contents/MacOS/firefox";
        let program = ["firefox", "firefox-esr", MAC].iter().find_map(find);
        program.map(|program| Self::new("Firefox", program, Kind::Firefox)).transpose()
    }

    fn new(name: &str, program: PathBuf, kind: Kind) -> anyhow::Result<Self> {
        let printed = output(Command::new(&program).arg("--version"))?;
        let version = printed.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        let major = version.and_then(|version| version.split('.').next());
        let major = major.with_context(|| format!("{} prints no version: {printed}", program.display()))?;
        Ok(Self { name: format!("{name} {major}"), program, kind })
    }

    /// Opens a page, without a window. The process ends when what is returned is dropped.
    pub fn open(&self, address: &str) -> anyhow::Result<Process> {
        let profile = tempfile::tempdir()?;
        let mut command = Command::new(&self.program);
        match self.kind {
            Kind::Chromium => {
                command.args(CHROMIUM_FLAGS);
                command.arg(format!("--user-data-dir={}", profile.path().display())).arg(address);
            }
            Kind::Firefox => {
                std::fs::write(profile.path().join("user.js"), FIREFOX_PREFERENCES)?;
                command.args(["--headless", "--no-remote", "--profile"]).arg(profile.path()).arg(address);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().with_context(|| format!("cannot run {}", shown(&command)))?;
        Ok(Process { child, _profile: profile })
    }
}

/// A browser that runs.
pub struct Process {
    child: Child,
    /// Removed after the process has ended.
    _profile: TempDir,
}

impl Process {
    /// An error if it has ended by itself.
    pub fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("the browser ended by itself: {status}"),
            None => Ok(()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Nothing but the page: no window, no GPU, no talk with anybody.
pub const CHROMIUM_FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

const FIREFOX_PREFERENCES: &str = r#"
user_pref("app.normandy.enabled", false);
user_pref("app.update.enabled", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("privacy.reduceTimerPrecision", false);
"#;
