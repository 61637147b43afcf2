//! Reading and writing files: whole or not at all, with the path in every error.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use digit8_core::file::{Info, Loaded, Model};

/// The top folder of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

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

/// The model in a file, float or int8, and what the file says of its origin. What was done to read it is said.
pub fn read_model(path: &Path) -> anyhow::Result<(Model, Info)> {
    let Loaded { model, info, notes } =
        digit8_core::file::read(&read(path)?).with_context(|| path.display().to_string())?;
    for note in notes {
        eprintln!("{}: {note}", path.display());
    }
    Ok((model, info))
}

/// Writes a model.
pub fn write_model(path: &Path, model: &Model, info: &Info) -> anyhow::Result<()> {
    write(path, &digit8_core::file::write(model, info)?)
}

/// Replaces a built page by these files: they are written to a folder beside it, which is then renamed. Refuses to replace
/// a folder that holds anything else.
pub fn replace_folder<'a>(
    folder: &Path,
    files: impl IntoIterator<Item = (String, &'a Vec<u8>)>,
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
        for (path, bytes) in files {
            write(&new.join(path), bytes)?;
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
