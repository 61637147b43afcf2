//! Coverage-guided tests of everything that reads other people's bytes.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

use digit8_host::process::cargo;

use crate::root;

/// Feed damaged and made-up files to everything that reads files
///
/// Runs the targets of fuzz/ one after the other, each on all that was found in earlier runs (fuzz/corpus) and on the seeds in
/// fuzz/seeds, which lead into the formats. An input that makes one panic, or take too much memory or time, ends the run, and is
/// kept in fuzz/artifacts.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  cargo xtask fuzz\n  cargo xtask fuzz model order --minutes 15")]
pub struct Args {
    /// The targets [default: all]
    targets: Vec<String>,
    /// How long each target runs
    #[arg(long, value_name = "N", default_value_t = 3)]
    minutes: u32,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let known = targets()?;
    let unknown = args.targets.iter().find(|target| !known.contains(target));
    if let Some(target) = unknown {
        bail!("no target {target:?}: there are {}", known.join(", "));
    }
    check_tools()?;
    for target in if args.targets.is_empty() { &known } else { &args.targets } {
        let corpus = format!("fuzz/corpus/{target}");
        fs::create_dir_all(root().join(&corpus)).with_context(|| format!("cannot make {corpus}"))?;
        println!("{target}: {} minutes", args.minutes);
        let mut fuzz = cargo_fuzz();
        fuzz.args(["run", target, &corpus, &format!("fuzz/seeds/{target}"), "--"]);
        fuzz.args([&format!("-max_total_time={}", 60 * args.minutes), "-timeout=30", "-print_final_stats=1"]);
        let status = fuzz.status().context("cannot run cargo fuzz")?;
        ensure!(
            status.success(),
            "{target}: what went wrong is above, and the input in fuzz/artifacts/{target}"
        );
    }
    Ok(())
}

/// The names of the targets: a file each.
fn targets() -> anyhow::Result<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let names = entries.filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()));
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}

/// `cargo fuzz` in the top folder. Its flags are the compiler's unstable ones, which the stable one takes as well if it is told so.
fn cargo_fuzz() -> Command {
    let mut command = cargo();
    command.arg("fuzz").current_dir(root()).env("RUSTC_BOOTSTRAP", "1");
    command
}

fn check_tools() -> anyhow::Result<()> {
    let found = cargo_fuzz().arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    ensure!(
        found.is_ok_and(|status| status.success()),
        "cargo-fuzz is missing: `cargo install cargo-fuzz` installs it (it needs a C++ compiler besides)"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_seeds_and_is_built() {
        let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
        for target in targets().unwrap() {
            assert!(manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")), "{target}");
            let seeds = fs::read_dir(root().join("fuzz/seeds").join(&target)).unwrap();
            assert!(seeds.count() > 0, "{target}");
        }
    }
}
