//! The machine that a report was made on, and what it was made with.

use std::process::Command;

use digit8_core::Kernel;
use serde::{Deserialize, Serialize};

use digit8_host::{checkout, process};

/// The machine of a run.
#[derive(Serialize, Deserialize)]
pub struct Machine {
    /// The CPU's name.
    pub cpu: String,
    /// Logical CPUs.
    pub threads: usize,
    /// The instruction sets that digit8 has kernels for.
    pub kernels: Vec<String>,
    /// The CPU's features, as the operating system lists them.
    pub cpu_features: Vec<String>,
    /// Operating system and architecture.
    pub system: String,
}

impl Machine {
    /// The machine this runs on.
    pub fn this() -> Self {
        // Linux only: elsewhere the file is missing, and the name and the list stay empty.
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |names: &[&str]| {
            let mut lines = info.lines().filter_map(|line| line.split_once(':'));
            lines.find(|(name, _)| names.contains(&name.trim())).map(|(_, value)| value.trim())
        };
        Self {
            cpu: field(&["model name", "Processor"]).unwrap_or("unknown").into(),
            threads: all_threads(),
            kernels: Kernel::available().iter().map(|kernel| kernel.name().into()).collect(),
            cpu_features: field(&["flags", "Features"])
                .map_or_else(Vec::new, |flags| flags.split_whitespace().map(str::to_string).collect()),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

/// The number of threads this machine runs at once.
pub fn all_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The commit of the checkout that this runs in, with `-dirty` if the tree has changes; `unknown` outside a checkout.
pub fn commit() -> String {
    let Ok(root) = checkout::root("the commit") else { return "unknown".into() };
    let mut git = Command::new("git");
    output(git.args(["describe", "--always", "--dirty", "--abbrev=12"]).current_dir(root))
}

/// The compiler's version.
pub fn rustc() -> String {
    output(Command::new("rustc").arg("--version")).trim_start_matches("rustc ").to_string()
}

/// What a program prints, or `unknown`.
fn output(command: &mut Command) -> String {
    process::output(command).unwrap_or_else(|_| "unknown".into())
}

/// How the last line that `digit8 eval` prints begins: the most memory that the command held at once.
pub const PEAK_MEMORY: &str = "Peak memory";

/// The most memory that this process has held at once, in bytes, where the system tells (Linux).
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}
