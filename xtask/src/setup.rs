//! Makes the wasm build possible: finds, or gets, a standard library for `wasm32-unknown-unknown`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, anyhow, bail, ensure};

use crate::apt::apt_install;
use crate::{root, tools};
use digit8_host::process::{cargo, find, output, run as run_program};

/// The target that browsers run.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler, which brings no wasm library but can build one.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_LIBRARY: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";
const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];

/// Make the wasm build possible
///
/// The page is Rust compiled to WebAssembly, for which the compiler needs its standard library for wasm32-unknown-unknown.
/// This takes the first of: the library that is installed; `rustup target add`; on Debian, the packages rustc-web and
/// rust-web-src, from which cargo builds the library. `web`, `serve` and `test` do the same when they need it, so there
/// is seldom a reason to call it.
#[derive(clap::Args)]
#[command(after_help = "Environment:\n  DIGIT8_WASM   `rustup` or `debian`: go this way and no other\n\n\
    Examples:\n  cargo xtask setup\n  DIGIT8_WASM=debian cargo xtask serve")]
pub struct Args {
    /// Get what the page's checks need as well: npm packages and Chromium
    #[arg(long)]
    page: bool,
}

/// A compiler that is ready to build for wasm.
pub enum Toolchain {
    /// The compiler has the library in this folder.
    Installed(PathBuf),
    /// Debian's compiler builds the library itself, and needs somebody else's linker.
    Debian {
        /// `rust-lld` or `wasm-ld`.
        linker: PathBuf,
    },
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    println!("{}", Toolchain::ready()?.description());
    if args.page {
        tools::npm_packages()?;
        println!("browser: {}", tools::chromium()?.display());
    }
    Ok(())
}

impl Toolchain {
    /// Finds or gets one, the way that `DIGIT8_WASM` names, or else the first that works.
    pub fn ready() -> anyhow::Result<Self> {
        Self::by(&std::env::var("DIGIT8_WASM").unwrap_or_default())
    }

    fn by(way: &str) -> anyhow::Result<Self> {
        const NEED: &str = "the page needs Rust's standard library for wasm32-unknown-unknown, \
            which `rustup target add wasm32-unknown-unknown` installs";
        let installed_or_rustup =
            || installed().map_or_else(by_rustup, |library| Ok(Self::Installed(library)));
        match way {
            "" => installed_or_rustup()
                .or_else(|rustup| by_debian().map_err(|debian| anyhow!("{NEED} ({rustup:#}; {debian:#})"))),
            "rustup" => installed_or_rustup().context(NEED),
            "debian" => by_debian().context(NEED),
            other => bail!("DIGIT8_WASM is {other:?}: expected rustup or debian"),
        }
    }

    /// One sentence on what will build the page.
    pub fn description(&self) -> String {
        match self {
            Self::Installed(library) => format!("wasm: the installed library in {}", library.display()),
            Self::Debian { linker } => {
                format!(
                    "wasm: Debian's {DEBIAN_RUSTC} with its library's source, linked by {}",
                    linker.display()
                )
            }
        }
    }

    /// Whether clippy, which comes with rustup's compiler, can read what this one makes.
    pub fn has_clippy(&self) -> bool {
        matches!(self, Self::Installed(_))
    }

    /// `cargo VERB` for wasm with or without SIMD, in a target folder of its own.
    pub fn cargo(&self, verb: &str, simd: bool) -> Command {
        let mut command = cargo();
        // The caller's flags are for the caller's machine, and would replace the target's.
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS"] {
            command.env_remove(name);
        }
        command
            .current_dir(root())
            .env(
                "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
                if simd { "-Ctarget-feature=+simd128" } else { "" },
            )
            .args([verb, "--target", TARGET, "--target-dir"])
            .arg(target_folder(simd));
        if let Self::Debian { linker } = self {
            command
                .env("RUSTC", DEBIAN_RUSTC)
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                .args(["-Z", "build-std=std,panic_abort"]);
        }
        command
    }
}

/// Where wasm is built, apart from what is native: one folder for each set of flags, or each build would undo the other's.
pub fn target_folder(simd: bool) -> PathBuf {
    root().join(if simd { "target/wasm" } else { "target/wasm-plain" })
}

/// The library's folder, if the active compiler has one for wasm.
fn installed() -> Option<PathBuf> {
    let folder = output(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET])).ok()?;
    let core = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with("libcore-");
    let found = std::fs::read_dir(&folder).ok()?.flatten().any(core);
    found.then(|| folder.into())
}

fn by_rustup() -> anyhow::Result<Toolchain> {
    let rustup = find("rustup").context("rustup is not installed")?;
    println!("getting the library for {TARGET} with rustup");
    run_program(Command::new(rustup).args(["target", "add", TARGET]))?;
    installed().map(Toolchain::Installed).context("rustup has it, but the compiler in PATH is not rustup's")
}

fn by_debian() -> anyhow::Result<Toolchain> {
    ensure!(Path::new("/etc/debian_version").exists(), "this system is not Debian");
    let present = || Path::new(DEBIAN_RUSTC).exists() && Path::new(DEBIAN_LIBRARY).exists();
    if !present() {
        apt_install(&DEBIAN_PACKAGES)?;
        ensure!(present(), "{} brought no {DEBIAN_LIBRARY}", DEBIAN_PACKAGES.join(" and "));
    }
    if let Some(linker) = linker() {
        return Ok(Toolchain::Debian { linker });
    }
    apt_install(&["lld"])?;
    let Some(linker) = linker() else { bail!("found no rust-lld, and the package lld brought no wasm-ld") };
    Ok(Toolchain::Debian { linker })
}

/// The compiler's own linker for wasm, or LLVM's. Another path rebuilds the library, so the choice is a fixed one.
fn linker() -> Option<PathBuf> {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"])).ok()?;
    let hosts = std::fs::read_dir(Path::new(&sysroot).join("lib/rustlib")).ok()?.flatten();
    let own = hosts.map(|host| host.path().join("bin/rust-lld")).find(|linker| linker.exists());
    own.or_else(|| find("rust-lld")).or_else(|| find("wasm-ld"))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    fn words(command: &Command) -> Vec<String> {
        command.get_args().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    /// What a command sets a variable to, where it sets or removes it.
    fn variable<'a>(command: &'a Command, name: &str) -> Option<Option<&'a OsStr>> {
        command.get_envs().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    #[test]
    fn an_installed_library_is_used_as_it_is() {
        let cargo = Toolchain::Installed("lib".into()).cargo("build", true);
        let target_folder = target_folder(true);
        let expected = ["build", "--target", TARGET, "--target-dir", &target_folder.to_string_lossy()];
        assert_eq!(words(&cargo), expected);
        // The caller's flags are removed, and the compiler is the caller's.
        assert_eq!(variable(&cargo, "RUSTFLAGS"), Some(None));
        assert_eq!(variable(&cargo, "RUSTC"), None);
        let flags = variable(&cargo, "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS");
        assert_eq!(flags, Some(Some(OsStr::new("-Ctarget-feature=+simd128"))));
        // A module for browsers without SIMD may have none, and lies elsewhere.
        let plain = Toolchain::Installed("lib".into()).cargo("build", false);
        let flags = variable(&plain, "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS");
        assert_eq!(flags, Some(Some(OsStr::new(""))));
        assert_ne!(words(&plain), words(&cargo));
    }

    #[test]
    fn debians_compiler_builds_the_library_and_links_with_what_was_found() {
        let toolchain = Toolchain::Debian { linker: "/somewhere/wasm-ld".into() };
        let cargo = toolchain.cargo("build", true);
        assert!(words(&cargo).ends_with(&["-Z".into(), "build-std=std,panic_abort".into()]));
        assert_eq!(variable(&cargo, "RUSTC"), Some(Some(OsStr::new(DEBIAN_RUSTC))));
        let linker = variable(&cargo, "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER");
        assert_eq!(linker, Some(Some(OsStr::new("/somewhere/wasm-ld"))));
        assert!(toolchain.description().contains("/somewhere/wasm-ld"));
        assert!(!toolchain.has_clippy());
    }

    #[test]
    fn another_way_is_refused_by_name() {
        let error = Toolchain::by("brew").err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("DIGIT8_WASM is \"brew\": expected rustup or debian"));
    }
}
