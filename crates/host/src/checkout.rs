//! The folder with digit8's sources, for what needs the page or other people's engines.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::process::{cargo, run};

/// Names the built xtask to programs that it starts.
pub const XTASK_VARIABLE: &str = "DIGIT8_XTASK";

/// The top folder of the checkout that the current folder is in. `what` needs it, and the error says so.
pub fn root(what: &str) -> anyhow::Result<PathBuf> {
    let current = std::env::current_dir().context("there is no current folder")?;
    let found = find(&current).map(Path::to_path_buf);
    found.with_context(|| format!("{what} needs digit8's sources: run it in a folder of their checkout"))
}

/// The first of a folder and those above it that holds digit8's sources.
pub fn find(folder: &Path) -> Option<&Path> {
    let is_root = |folder: &&Path| {
        ["Cargo.toml", "www/index.html", "xtask/Cargo.toml"].iter().all(|file| folder.join(file).is_file())
    };
    folder.ancestors().find(is_root)
}

/// The program `xtask` of a checkout, built if need be: it builds and serves the page.
pub fn xtask(root: &Path) -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os(XTASK_VARIABLE).filter(|named| !named.is_empty()) {
        return Ok(named.into());
    }
    let target = root.join("target");
    let mut build = cargo();
    build.args(["build", "--quiet", "--package=xtask", "--target-dir"]).arg(&target);
    run(build.current_dir(root)).context("the checkout's xtask does not build")?;
    Ok(target.join("debug").join(format!("xtask{}", std::env::consts::EXE_SUFFIX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_is_found_from_inside_and_not_from_elsewhere() {
        let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = crate_folder.ancestors().nth(2);
        assert_eq!(find(&crate_folder.join("src")), root);
        assert_eq!(root.and_then(find), root);
        assert_eq!(find(tempfile::tempdir().unwrap().path()), None);
    }
}
