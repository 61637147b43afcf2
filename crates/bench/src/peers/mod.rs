//! Other people's engines, timed in processes of their own: `crates/peers`, and Python for PyTorch.

mod process;
mod python;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use digit8_core::digits::Digits;
use digit8_core::file::{Info, Model};

use super::engines::{Models, thread_counts};
use crate::onnx;
use digit8_data::model;
use digit8_host::process::{cargo, run};
use digit8_host::{checkout, files};
use process::Peers;
use python::Python;

/// Digits to train with: enough that no cache holds them, and few enough to be real numbers in every process.
const TRAINING_DIGITS: usize = 10_000;

/// What peers get ready for. Loading takes most of their time, so it is no more than what is timed.
pub struct Wanted {
    /// Peers are started once for each of these.
    pub threads: Vec<usize>,
    /// The models by their rows' names; `train` for training.
    pub models: &'static [&'static str],
}

impl Wanted {
    /// All models, on one thread, and on all if that is more.
    pub fn all() -> Self {
        Self { threads: thread_counts(), models: &["float32", "static", "fused", "dynamic", "train"] }
    }
}

/// Builds, installs and starts all peers. They get the models and the digits as files.
pub fn start(models: &Models, test: &Digits, train: &Digits, wanted: &Wanted) -> anyhow::Result<Peers> {
    let root = checkout::root("`bench --peers`")?;
    let folder = root.join("target/peers");
    write_input(&folder.join("input"), models, test, &train.first(TRAINING_DIGITS))?;
    let mut peers = Peers::default();
    let python = python::ready(&root, &folder).unwrap_or_else(|error| {
        peers.left_out.push(format!("onnxruntime and pytorch: {error:#}"));
        Python::default()
    });
    peers.left_out.extend(python.left_out.iter().cloned());
    if let Err(error) = start_rust(&mut peers, &root, &folder, &python, train.len(), wanted) {
        peers.left_out.push(format!("the engines in Rust: {error:#}"));
    }
    if let Err(error) = start_pytorch(&mut peers, &root, &folder, &python, train.len(), wanted) {
        peers.left_out.push(format!("pytorch: {error:#}"));
    }
    Ok(peers)
}

fn start_rust(
    peers: &mut Peers,
    root: &Path,
    folder: &Path,
    python: &Python,
    training_digits: usize,
    wanted: &Wanted,
) -> anyhow::Result<()> {
    let program = build(root, folder)?;
    if let Some((version, _)) = &python.onnxruntime {
        peers.versions.insert("onnxruntime".into(), version.clone());
    }
    for &threads in &wanted.threads {
        let mut command = Command::new(&program);
        command.env("RAYON_NUM_THREADS", threads.to_string()).env("RTEN_NUM_THREADS", threads.to_string());
        command.arg(folder.join("input")).arg(threads.to_string()).arg(wanted.models.join(","));
        command.args(python.onnxruntime.iter().map(|(_, library)| library));
        println!("Starting the engines in Rust, {}", counted(threads));
        process::start(peers, &mut command, &log(folder, "rust", threads), threads, training_digits)?;
    }
    Ok(())
}

fn start_pytorch(
    peers: &mut Peers,
    root: &Path,
    folder: &Path,
    python: &Python,
    training_digits: usize,
    wanted: &Wanted,
) -> anyhow::Result<()> {
    let (Some(program), Some(version)) = (&python.program, &python.pytorch) else { return Ok(()) };
    peers.versions.insert("pytorch".into(), version.clone());
    for &threads in &wanted.threads {
        let mut command = Command::new(program);
        command.env("OMP_NUM_THREADS", threads.to_string());
        command.arg(root.join("crates/peers/pytorch.py"));
        command.arg(folder.join("input")).arg(threads.to_string()).arg(wanted.models.join(","));
        println!("Starting PyTorch, {}", counted(threads));
        process::start(peers, &mut command, &log(folder, "pytorch", threads), threads, training_digits)?;
    }
    Ok(())
}

fn counted(threads: usize) -> String {
    if threads == 1 { "one thread".into() } else { format!("{threads} threads") }
}

/// What a process says besides its rows.
fn log(folder: &Path, name: &str, threads: usize) -> PathBuf {
    folder.join(format!("{name}-{threads}.log"))
}

/// Builds `crates/peers`, which has a lock file and a target folder of its own.
fn build(root: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    println!("Building crates/peers (the first time takes minutes)");
    let target = folder.join("target");
    let manifest = root.join("crates/peers/Cargo.toml");
    let mut command = cargo();
    command.args(["build", "--release", "--locked", "--manifest-path"]).arg(manifest);
    // What candle asks for; the others look at the CPU by themselves.
    command.env("RUSTFLAGS", "-Ctarget-cpu=native");
    run(command.arg("--target-dir").arg(&target)).context("crates/peers did not build")?;
    Ok(target.join("release").join(format!("digit8-peers{}", std::env::consts::EXE_SUFFIX)))
}

/// Writes the models, as safetensors and as ONNX, and the digits, as bytes.
fn write_input(folder: &Path, models: &Models, test: &Digits, train: &Digits) -> anyhow::Result<()> {
    let float = ("float32", Model::Float(models.float.clone()));
    let int8 = models.int8.iter().map(|model| (model.scheme().name(), Model::Int8(model.clone())));
    for (name, network) in [float].into_iter().chain(int8) {
        let path = |extension: &str| folder.join(format!("{name}.{extension}"));
        model::write(&path("safetensors"), &network, &Info::new())?;
        files::write(&path("onnx"), &onnx::qdq(&network))?;
    }
    for (name, digits) in [("test", test), ("train", train)] {
        files::write(&folder.join(format!("{name}.images")), digits.images())?;
        files::write(&folder.join(format!("{name}.labels")), digits.labels())?;
    }
    Ok(())
}
