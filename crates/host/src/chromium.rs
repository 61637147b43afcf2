//! The browser that tests and measurements run in.

use std::path::PathBuf;

use anyhow::Context;

use crate::process::find;

/// Chromium: the one that `CHROMIUM` names, or an installed one if there is any.
pub fn installed() -> anyhow::Result<Option<PathBuf>> {
    const NAMES: [&str; 5] =
        ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
    const MAC: &str = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";
    if let Some(named) = std::env::var_os("CHROMIUM").filter(|named| !named.is_empty()) {
        let found = find(&named).with_context(|| format!("CHROMIUM is {}: no such program", named.display()));
        return found.map(Some);
    }
    Ok(NAMES.iter().find_map(find).or_else(|| find(MAC)))
}
