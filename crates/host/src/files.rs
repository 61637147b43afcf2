//! Reading and writing files: whole or not at all, with the path in every error.
//!
//! What is written goes where it was told to: links are followed, a file keeps its mode, and what is no regular file (a device, a
//! pipe) is written through instead of being replaced. Nothing that a command reads is written over by it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

/// The bytes of a file.
pub fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Fails where [`write()`] would, before there is anything to lose: work of minutes should not end in "cannot write".
pub fn check_writable(path: &Path) -> anyhow::Result<()> {
    let attempt = || -> io::Result<()> {
        let target = followed(path)?;
        match fs::metadata(&target) {
            Ok(found) if found.is_dir() => Err(io::Error::other("it is a folder")),
            // A pipe would wait here for somebody to read.
            Ok(found) if !found.is_file() => Ok(()),
            Ok(_) => OpenOptions::new().write(true).open(&target).map(drop),
            Err(_) => Ok(()),
        }?;
        if is_written_through(&target) {
            return Ok(());
        }
        fs::create_dir_all(folder_of(&target))?;
        let partial = partial(&target);
        fs::write(&partial, []).and_then(|()| fs::remove_file(&partial))
    };
    attempt().with_context(|| format!("cannot write {}", path.display()))
}

/// Fails where a command would write two of its outputs to one file, or one over what it reads, or could not write at all.
pub fn check_outputs(outputs: &[&Path], inputs: &[&Path]) -> anyhow::Result<()> {
    for (at, output) in outputs.iter().enumerate() {
        if let Some(input) = inputs.iter().find(|input| is_same_file(input, output)) {
            bail!(
                "{} would be lost: it is read and is to be written as well; choose another output",
                input.display()
            );
        }
        ensure!(
            !outputs[..at].iter().any(|other| is_same_file(other, output)),
            "{} would be written twice: choose another name",
            output.display()
        );
        check_writable(output)?;
    }
    Ok(())
}

/// Writes a file. A regular one is written under a temporary name in the same folder and renamed, so that no half file is ever
/// seen; its mode stays. Makes the folder if it is missing.
pub fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let attempt = || -> io::Result<()> {
        let target = followed(path)?;
        if is_written_through(&target) {
            return OpenOptions::new().append(true).open(&target)?.write_all(bytes);
        }
        fs::create_dir_all(folder_of(&target))?;
        let partial = partial(&target);
        replace(&target, &partial, bytes).inspect_err(|_| drop(fs::remove_file(&partial)))
    };
    attempt().with_context(|| format!("cannot write {}", path.display()))
}

/// The temporary name of a file that this process writes.
fn partial(path: &Path) -> PathBuf {
    path.with_added_extension(format!("{}.part", std::process::id()))
}

fn replace(target: &Path, partial: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(partial)?;
    if let Ok(before) = fs::metadata(target) {
        // A file that may not be written to is not replaced, though its folder would allow it.
        OpenOptions::new().write(true).open(target)?;
        // Before there is anything in it that others should not read.
        file.set_permissions(before.permissions())?;
    }
    file.write_all(bytes)?;
    drop(file);
    fs::rename(partial, target)
}

/// A file beside another: its name with `.extension` taken off, if it has that one, and `ending` put on (so that those beside
/// `net.v1` and `net.v2` are two). None beside what is no regular file.
pub fn sibling(path: &Path, extension: &str, ending: &str) -> Option<PathBuf> {
    if followed(path).is_ok_and(|target| is_written_through(&target)) {
        return None;
    }
    let has_it = path.extension().is_some_and(|found| found == extension);
    let mut name = if has_it { path.file_stem()? } else { path.file_name()? }.to_owned();
    name.push(ending);
    Some(path.with_file_name(name))
}

/// Whether two paths lead to one regular file, be it there or not yet.
fn is_same_file(a: &Path, b: &Path) -> bool {
    let place = |path: &Path| -> io::Result<PathBuf> {
        let target = followed(path)?;
        if target.exists() {
            return target.canonicalize();
        }
        // Of a folder that is not there, the path as it is.
        let folder = folder_of(&target).canonicalize().unwrap_or_else(|_| folder_of(&target).into());
        Ok(folder.join(target.file_name().unwrap_or_default()))
    };
    match (place(a), place(b)) {
        (Ok(a), Ok(b)) => a == b && !is_written_through(&a),
        _ => false,
    }
}

/// Whether a path is not replaced but written to: it is there and no regular file, or one of this process's own (`/dev/stdout`
/// into a file).
fn is_written_through(path: &Path) -> bool {
    let is_irregular = fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
    is_irregular || path.starts_with("/proc") || path.starts_with("/dev/fd")
}

/// Where links lead, be there a file or not. The links of `/proc` stay: what they say is no path.
fn followed(path: &Path) -> io::Result<PathBuf> {
    const MOST: usize = 40;
    let mut path = path.to_path_buf();
    for _ in 0..MOST {
        if path.starts_with("/proc") || path.starts_with("/dev/fd") {
            return Ok(path);
        }
        match fs::read_link(&path) {
            Ok(link) => path = folder_of(&path).join(link),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links"))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Bytes in hexadecimal, as checksums are written.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
    use std::process::{Command, Stdio};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_keeps_its_mode_and_a_new_one_gets_the_usual() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("a/b/new"));
        fs::write(&old, "old").unwrap();
        for private in [0o600, 0o640, 0o664] {
            fs::set_permissions(&old, fs::Permissions::from_mode(private)).unwrap();
            write(&old, b"new").unwrap();
            assert_eq!((fs::read(&old).unwrap(), mode(&old)), (b"new".to_vec(), private));
        }
        check_writable(&new).unwrap();
        write(&new, b"new").unwrap();
        let usual = folder.path().join("usual");
        fs::write(&usual, "").unwrap();
        assert_eq!(mode(&new), mode(&usual));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "no partial file is left");
    }

    #[test]
    fn links_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("real")).unwrap();
        fs::write(path("real/m"), "old").unwrap();
        symlink("real/m", path("link")).unwrap();
        symlink("link", path("twice")).unwrap();
        symlink("real/not-there-yet", path("dangling")).unwrap();
        symlink("around", path("around")).unwrap();
        for (link, target) in [("link", "real/m"), ("twice", "real/m"), ("dangling", "real/not-there-yet")] {
            check_writable(&path(link)).unwrap();
            write(&path(link), link.as_bytes()).unwrap();
            assert!(path(link).is_symlink());
            assert_eq!(fs::read(path(target)).unwrap(), link.as_bytes());
            assert!(path(target).symlink_metadata().unwrap().is_file());
        }
        assert!(write(&path("around"), b"").is_err());
        assert!(format!("{:#}", check_writable(&path("real")).unwrap_err()).contains("it is a folder"));
    }

    #[test]
    fn pipes_and_devices_are_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        check_writable(&pipe).unwrap();
        let reader = Command::new("cat").arg(&pipe).stdout(Stdio::piped()).spawn().unwrap();
        write(&pipe, b"through").unwrap();
        assert_eq!(reader.wait_with_output().unwrap().stdout, b"through");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
        check_outputs(&[Path::new("/dev/null"), Path::new("/dev/null")], &[]).unwrap();
        write(Path::new("/dev/null"), b"gone").unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
        assert_eq!(sibling(Path::new("/dev/null"), "npz", ".json"), None);
        assert_eq!(sibling(&pipe, "npz", ".json"), None);
    }

    #[test]
    fn what_would_be_lost_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("m"), "").unwrap();
        symlink("m", path("link")).unwrap();
        let refusal = |outputs: &[&str], inputs: &[&str]| {
            let paths = |names: &[&str]| names.iter().map(|name| path(name)).collect::<Vec<_>>();
            let (outputs, inputs) = (paths(outputs), paths(inputs));
            let outputs: Vec<&Path> = outputs.iter().map(PathBuf::as_path).collect();
            let inputs: Vec<&Path> = inputs.iter().map(PathBuf::as_path).collect();
            check_outputs(&outputs, &inputs).err().map(|error| error.to_string())
        };
        for (output, input) in [("m", "m"), ("link", "m"), ("m", "link"), ("./m", "m")] {
            assert!(refusal(&[output], &[input]).unwrap().contains("would be lost"), "{output} {input}");
        }
        assert!(refusal(&["new", "./new"], &["m"]).unwrap().contains("would be written twice"));
        assert_eq!(refusal(&["new", "other"], &["m"]), None);
    }

    #[test]
    fn a_second_output_has_a_name_of_its_own() {
        let sibling = |path: &Path| sibling(path, "safetensors", "-x.svg").unwrap();
        for (name, expected) in [
            ("a/net.safetensors", "a/net-x.svg"),
            ("net.v1", "net.v1-x.svg"),
            ("net.v2", "net.v2-x.svg"),
            ("t.svg", "t.svg-x.svg"),
            (".safetensors", ".safetensors-x.svg"),
        ] {
            assert_eq!(sibling(Path::new(name)), Path::new(expected));
        }
        // A name that is no text stays as it is.
        let name = |bytes: &'static [u8]| Path::new(OsStr::from_bytes(bytes)).to_path_buf();
        assert_eq!(sibling(&name(b"n\xff.safetensors")), name(b"n\xff-x.svg"));
    }
}
