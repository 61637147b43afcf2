//! Where and with what the report was made.

use std::process::Command;

use digit8_core::Kernel;

use crate::{files, process};

/// Names and values, for people.
pub fn described() -> Vec<(&'static str, String)> {
    let rustc = process::output(Command::new("rustc").arg("--version"));
    let commit = process::output(
        Command::new("git")
            .args(["describe", "--always", "--dirty", "--abbrev=12"])
            .current_dir(files::root()),
    );
    let unknown = |_| "unknown".to_string();
    vec![
        ("digit8", format!("{}, commit {}", env!("CARGO_PKG_VERSION"), commit.unwrap_or_else(unknown))),
        ("compiler", rustc.unwrap_or_else(unknown)),
        ("machine", format!("{}, {} {}", cpu(), std::env::consts::OS, std::env::consts::ARCH)),
        ("kernel", Kernel::best().name().into()),
    ]
}

/// The CPU's name, where the system tells it as Linux does.
fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut fields = info.lines().filter_map(|line| line.split_once(':'));
    let name = fields.find(|(name, _)| name.trim() == "model name");
    name.map_or_else(|| "unknown CPU".into(), |(_, name)| name.trim().to_string())
}
