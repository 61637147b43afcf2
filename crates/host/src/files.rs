//! Reading and writing files: whole or not at all, with the path in every error.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};

/// The bytes of a file.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Fails where [`write()`] would, before there is anything to lose: work of minutes should not end in "cannot write".
pub fn check_writable(path: &Path) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let attempt = || fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder));
    attempt().with_context(|| format!("cannot write {}", path.display()))?;
    ensure!(!path.is_dir(), "cannot write {}: it is a folder", path.display());
    Ok(())
}

/// Writes a file under a temporary name in the same folder and renames it, so that no half file is ever seen. Makes the
/// folder if it is missing.
pub fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let attempt = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut partial = path.as_os_str().to_owned();
        partial.push(format!(".{}.part", std::process::id()));
        fs::write(&partial, bytes).and_then(|()| fs::rename(&partial, path)).inspect_err(|_| {
            let _ = fs::remove_file(&partial);
        })
    };
    attempt().with_context(|| format!("cannot write {}", path.display()))
}
