//! A folder that is replaced whole.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use digit8_host::files;

/// Replaces a built page by these files: they are written to a folder beside it, which is then renamed. Refuses to replace
/// a folder that holds anything else.
pub fn replace_folder<'a>(
    folder: &Path,
    contents: impl IntoIterator<Item = (String, &'a Vec<u8>)>,
) -> anyhow::Result<()> {
    let beside = |role: &str| {
        let mut path = folder.as_os_str().to_owned();
        path.push(format!(".{}.{role}", std::process::id()));
        PathBuf::from(path)
    };
    let is_empty = || fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    ensure!(
        !folder.exists() || folder.join("index.html").exists() || is_empty(),
        "{} holds something else than an earlier build of the page, and would be lost",
        folder.display()
    );
    let (new, old) = (beside("new"), beside("old"));
    let attempt = || -> anyhow::Result<()> {
        for (path, bytes) in contents {
            files::write(&new.join(path), bytes)?;
        }
        if folder.exists() {
            fs::rename(folder, &old)?;
        }
        Ok(fs::rename(&new, folder)?)
    };
    let result = attempt().with_context(|| format!("cannot replace {}", folder.display()));
    let _ = fs::remove_dir_all(&new);
    let _ = fs::remove_dir_all(&old);
    result
}
