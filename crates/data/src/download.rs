//! Fetches the four files from mirrors: checked before they count, resumed where a connection broke.
//!
//! A download grows in `NAME.gz.part` and gets its name only when its content has the right checksum, so that the cache
//! never holds half a file or a wrong one. What is there of an earlier attempt is asked for no second time.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use ureq::Agent;
use ureq::http::StatusCode;
use ureq::http::header::{CONTENT_RANGE, RANGE};

use super::collection::Collection;
use super::folder::{Set, checksum, decompressed};
use digit8_host::progress::{ProgressBar, download_bar};

/// How long a server may take to be reached, and then to send something.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often a download is taken up again after the connection broke.
const RESUMPTIONS: usize = 5;
/// The largest file accepted: the largest of the known ones has 26 MB.
const LIMIT: u64 = 1 << 26;

/// Fetches the files of `collection` to `folder`, each from the first of `mirrors` that has it.
pub fn fetch(collection: &Collection, mirrors: &[&str], folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let agent = agent();
    for set in [Set::Train, Set::Test] {
        for (name, expected) in set.files().iter().zip(collection.checksums(set)) {
            let file = format!("{name}.gz");
            if is_right(&folder.join(&file), expected) {
                continue;
            }
            fetch_from_any(&agent, mirrors, &file, &folder.join(&file), &|bytes| {
                has_checksum(bytes, expected)
            })
            .with_context(|| format!("{} could not be fetched", collection.title))?;
        }
    }
    Ok(())
}

/// Fetches one file to `to` from the first of `mirrors` that has it with a content that passes `check`.
pub fn fetch_one(mirrors: &[&str], name: &str, to: &Path, check: Check) -> anyhow::Result<()> {
    let folder = to.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fetch_from_any(&agent(), mirrors, name, to, check)
}

/// What must be true of a file's bytes, as they came.
pub type Check<'a> = &'a dyn Fn(Vec<u8>) -> anyhow::Result<()>;

/// Whether the bytes, decompressed, have this SHA-256.
fn has_checksum(bytes: Vec<u8>, expected: &str) -> anyhow::Result<()> {
    let found = checksum(&decompressed(bytes)?);
    ensure!(found == expected, "the content has the SHA-256 {found}, expected {expected}");
    Ok(())
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .timeout_resolve(Some(PATIENCE))
        .timeout_connect(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .user_agent(concat!("digit8/", env!("CARGO_PKG_VERSION")));
    config.build().into()
}

/// Fetches one file from the first mirror that has it.
fn fetch_from_any(
    agent: &Agent,
    mirrors: &[&str],
    name: &str,
    to: &Path,
    check: Check,
) -> anyhow::Result<()> {
    let mut refusals = Vec::new();
    for mirror in mirrors {
        let url = format!("{}/{name}", mirror.trim_end_matches('/'));
        match fetch_file(agent, &url, to, check) {
            Ok(()) => return Ok(()),
            Err(error) => refusals.push(format!("\n  {url}: {error:#}")),
        }
    }
    bail!(refusals.concat())
}

/// Whether the file is there, with the content it should have.
fn is_right(file: &Path, expected: &str) -> bool {
    fs::read(file).is_ok_and(|bytes| has_checksum(bytes, expected).is_ok())
}

/// Fetches one file. What arrived of it stays in the `.part` file if the connection breaks for good.
fn fetch_file(agent: &Agent, url: &str, to: &Path, check: Check) -> anyhow::Result<()> {
    let partial = to.with_added_extension("part");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&partial)
        .with_context(|| format!("cannot write {}", partial.display()))?;
    // Of two processes, one downloads; the other then finds the file done, and its name gone to the finished one.
    file.lock().with_context(|| format!("cannot lock {}", partial.display()))?;
    if !partial.exists() && to.is_file() {
        return Ok(());
    }
    let resumed = file.metadata()?.len() > 0;
    let bar = download_bar(to.file_name().unwrap_or_default().to_string_lossy().into_owned());
    let result = transfer(agent, url, &mut file, &bar).and_then(|()| match inspect(&mut file, check) {
        // The beginning may have been that of another file: only a whole download of its own is blamed on the mirror.
        Err(_) if resumed => {
            file.set_len(0)?;
            transfer(agent, url, &mut file, &bar)?;
            inspect(&mut file, check)
        }
        checked => checked,
    });
    bar.finish_and_clear();
    if result.is_err() && file.metadata()?.len() == 0 {
        fs::remove_file(&partial)?;
    }
    result?;
    file.sync_all()?;
    fs::rename(&partial, to).with_context(|| format!("cannot write {}", to.display()))
}

/// Downloads until the file is whole, taking up where the connection broke as long as each attempt brings something.
fn transfer(agent: &Agent, url: &str, file: &mut File, bar: &ProgressBar) -> anyhow::Result<()> {
    for _ in 0..RESUMPTIONS {
        let before = file.metadata()?.len();
        match request(agent, url, file, bar) {
            Err(error) if file.metadata()?.len() <= before => return Err(error),
            Err(_) => {}
            Ok(()) => return Ok(()),
        }
    }
    bail!("the connection broke {RESUMPTIONS} times")
}

/// One request for what is missing of the file.
fn request(agent: &Agent, url: &str, file: &mut File, bar: &ProgressBar) -> anyhow::Result<()> {
    let mut start = file.seek(SeekFrom::End(0))?;
    let mut request = agent.get(url);
    if start > 0 {
        request = request.header(RANGE, format!("bytes={start}-"));
    }
    let response = match request.call() {
        // The server has nothing beyond what is here: then what is here is the file, or is wrong.
        Err(ureq::Error::StatusCode(416)) if start > 0 => return Ok(()),
        response => response?,
    };
    let continues = response.status() == StatusCode::PARTIAL_CONTENT
        && response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok()).is_some_and(|range| {
            range.strip_prefix("bytes ").is_some_and(|range| range.starts_with(&format!("{start}-")))
        });
    if !continues {
        file.set_len(0)?;
        start = file.seek(SeekFrom::Start(0))?;
    }
    if let Some(length) = response.body().content_length() {
        bar.set_length(start + length);
    }
    bar.set_position(start);
    let mut body = response.into_body().into_reader().take(LIMIT - start.min(LIMIT));
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = body.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        file.write_all(&buffer[..count])?;
        bar.inc(count as u64);
    }
}

/// Checks the content of a downloaded file; empties the file if it is wrong.
fn inspect(file: &mut File, check: Check) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    let size = bytes.len();
    let checked = check(bytes).with_context(|| format!("{size} bytes arrived"));
    if checked.is_err() {
        file.set_len(0)?;
    }
    checked
}

#[cfg(test)]
pub(crate) mod tests;
