//! The digits that the page offers, packed by the program `digit8` from whatever data there is.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::files;

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

/// The files by their path in the page; those that cannot be had say that there are none in them.
pub fn packed() -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let folder = folder();
    FILES
        .into_iter()
        .map(|name| {
            let path = folder.join(name);
            let bytes = if path.exists() { files::read(&path)? } else { none()? };
            Ok((format!("digits/{name}"), bytes))
        })
        .collect()
}

fn none() -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(b"{\"count\":0}\n").and_then(|()| encoder.finish()).context("cannot compress")
}

fn folder() -> PathBuf {
    files::root().join("target/web/digits")
}
