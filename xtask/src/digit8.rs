//! Every other word: the program `digit8`, built for release.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Context;
use digit8_host::checkout::XTASK_VARIABLE;
use digit8_host::process::{cargo, shown};

/// What `cargo xtask --help` says of them.
pub const HELP: &str = "Commands of the program digit8, which is built for release and run:
  data      Find or fetch digits, and say where they came from
  train     Train the float32 network 784-h1-h2-10
  quantize  Quantize a float32 model to int8
  eval      Measure a model: accuracy, confusion, size
  models    Make all models that ship with the page again
  ablations Find out what each part of the training with drawings is worth
  dump      Write every layer's output for the test images as NumPy arrays
  sweep     Try many recipes, and report accuracy against bytes
  samples   Choose the page's sample digits
  pack      Pack digits for the page
  notebook  Tell the whole story, as the PyTorch notebook does
  export    Write a model as an ONNX file, for other runtimes
  import    Read an ONNX file and write it as a model of digit8's
  compare   Find where two models differ, layer by layer, and why
  bench     Time every kernel and model of this machine, and others' engines beside them

`cargo xtask data --help` and so on explain each.";

/// Builds `digit8`, runs it with these words, and ends as it ends.
pub fn run(words: Vec<OsString>) -> anyhow::Result<()> {
    let mut command = command(words)?;
    let status = command.status().with_context(|| format!("cannot run {}", shown(&command)))?;
    std::process::exit(status.code().unwrap_or(1));
}

/// What builds `digit8` and runs it with these words.
pub fn command(words: impl IntoIterator<Item = OsString>) -> anyhow::Result<Command> {
    let xtask = std::env::current_exe().context("this program has no path")?;
    let is_first = xtask.ancestors().nth(2).is_some_and(|target| !target.join("release").exists());
    if is_first {
        eprintln!("building digit8 for release, which takes a minute or two the first time");
    }
    let mut command = cargo();
    command.args(["run", "--quiet", "--release", "--package=digit8-cli", "--"]).args(words);
    command.env(XTASK_VARIABLE, xtask);
    Ok(command)
}
