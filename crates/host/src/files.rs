//! Reading and writing files: whole or not at all, with the path in every error.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

/// The bytes of a file.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Fails where [`write()`] would, before there is anything to lose: work of minutes should not end in "cannot write".
pub fn check_writable(path: &Path) -> anyhow::Result<()> {
    ensure!(!path.is_dir(), "cannot write {}: it is a folder", path.display());
    let partial = partial(path);
    let attempt =
        || make_folder(path).and_then(|()| fs::write(&partial, [])).and_then(|()| fs::remove_file(&partial));
    attempt().with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a file under a temporary name in the same folder and renames it, so that no half file is ever seen. Makes the
/// folder if it is missing.
pub fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let partial = partial(path);
    let attempt = || {
        make_folder(path)?;
        fs::write(&partial, bytes).and_then(|()| fs::rename(&partial, path)).inspect_err(|_| {
            let _ = fs::remove_file(&partial);
        })
    };
    attempt().with_context(|| format!("cannot write {}", path.display()))
}

/// The temporary name of a file that this process writes.
fn partial(path: &Path) -> PathBuf {
    path.with_added_extension(format!("{}.part", std::process::id()))
}

fn make_folder(file: &Path) -> io::Result<()> {
    file.parent().map_or(Ok(()), fs::create_dir_all)
}

/// Bytes in hexadecimal, as checksums are written.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
