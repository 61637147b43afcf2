//! The digits that the page offers, packed by the program `digit8` from whatever data there is.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use digit8_host::files;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::{digit8, root};

/// The files by which the page knows them: the test digits, and the training digits in parts.
const FILES: [&str; 7] = [
    "test.digits",
    "train-1.digits",
    "train-2.digits",
    "train-3.digits",
    "train-4.digits",
    "train-5.digits",
    "train-6.digits",
];

/// Packs the digits if they are not there yet, which takes the program `digit8`. Where none can be had, that is said.
pub fn pack() -> anyhow::Result<()> {
    if are_packed() {
        return Ok(());
    }
    let folder = folder();
    println!("packing digits for the page");
    let mut command = digit8::command(["pack".into(), "--out".into(), OsString::from(&folder)])?;
    if std::env::var_os(DATA_VARIABLE).is_none()
        && let Some(data) = shared_digits()
    {
        command.env(DATA_VARIABLE, data);
    }
    let status = command.current_dir(root()).status();
    if !are_packed() || !status.is_ok_and(|status| status.success()) {
        println!("the page goes without digits to test and to train with");
    }
    Ok(())
}

/// Whether all files are there.
pub fn are_packed() -> bool {
    FILES.iter().all(|name| folder().join(name).exists())
}

/// The files by their path in the page. Those that have not been packed say that there are no digits in them.
pub fn packed() -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    FILES
        .into_iter()
        .map(|name| {
            let path = folder().join(name);
            let bytes = if path.exists() { files::read(&path)? } else { none()? };
            Ok((format!("digits/{name}"), bytes))
        })
        .collect()
}

fn folder() -> PathBuf {
    root().join("target/web/digits")
}

/// Names a folder with digits to the program `digit8`.
const DATA_VARIABLE: &str = "DIGIT8_DATA";

/// MNIST in the folder that the tests share, if it is there.
pub fn shared_digits() -> Option<PathBuf> {
    let named = std::env::var_os("DIGIT8_SHARED").filter(|named| !named.is_empty());
    let folder = named.map_or_else(|| root().join("../shared"), PathBuf::from).join("mnist");
    folder.join("t10k-images-idx3-ubyte.gz").exists().then_some(folder)
}

fn none() -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(b"{\"count\":0}\n").and_then(|()| encoder.finish()).context("cannot compress")
}
