//! Other people's engines with digit8's network in them, timed for `cargo xtask bench --peers`, which starts this.
//!
//! ```text
//! digit8-peers FOLDER THREADS MODELS [LIBRARY]
//! < {"version": ["candle", "0.11.1"]}        versions, and a row for everything that can be timed, numbered from 0
//! < {"row": {"engine": "candle", …}}
//! < {"left_out": {"engine": "tract", …}}     what cannot be timed, and why
//! < "ready"
//! > 3 1000                                   row 3, a thousand runs
//! < 4211000                                  nanoseconds
//! ```
//!
//! FOLDER has the models and the digits. MODELS are those that are wanted, with commas between them, and `train` for training; LIBRARY is
//! onnxruntime's.
//!
//! Every engine gets the network in the form that suits it best and pixels that are real numbers already, and is run as its
//! manual says it runs fastest. One thread or all: RAYON_NUM_THREADS and RTEN_NUM_THREADS agree with THREADS.

mod candle;
mod input;
mod onnxruntime;
mod products;
mod rten;
mod tract;

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use input::{Batches, Input};
use serde_json::json;

/// Classifies a batch, which it finds by number, and writes the logits.
type Run = Box<dyn FnMut(usize, &mut [f32]) -> anyhow::Result<()>>;

/// Puts a model, found by name in the folder, into an engine.
type Load = fn(&Setup, model: &str, batches: &Batches) -> anyhow::Result<Run>;

/// What an engine may need to know.
pub struct Setup {
    folder: PathBuf,
    input: &'static Input,
    threads: usize,
    /// onnxruntime's shared library; without it, there is no onnxruntime.
    library: Option<PathBuf>,
    /// One of the engine's settings.
    settings: &'static str,
}

/// Somebody's engine.
struct Engine {
    name: &'static str,
    /// The package whose version is the engine's; onnxruntime is not built here.
    package: Option<&'static str>,
    models: &'static [&'static str],
    does: Does,
    /// Settings that are tried: the one that is fastest in a short trial is kept and named. None where there are none to choose from.
    settings: &'static [&'static str],
    load: Load,
}

/// What an engine does.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    /// It reads digits, on any number of threads.
    Read,
    /// It reads digits, on one thread.
    ReadAlone,
    /// It multiplies matrices and nothing else.
    Multiply,
}

const ALL: &[&str] = &["float32", "static", "fused", "dynamic"];

const NO_CHOICE: &[&str] = &[""];

#[rustfmt::skip]
const ENGINES: [Engine; 6] = [
    Engine { name: "onnxruntime", package: None, models: ALL, does: Does::Read, settings: onnxruntime::SETTINGS, load: onnxruntime::load },
    Engine { name: "rten", package: Some("rten"), models: ALL, does: Does::Read, settings: NO_CHOICE, load: rten::load },
    Engine { name: "tract", package: Some("tract-onnx"), models: ALL, does: Does::ReadAlone, settings: NO_CHOICE, load: tract::load },
    Engine { name: "candle", package: Some("candle-core"), models: &["float32"], does: Does::Read, settings: NO_CHOICE, load: candle::load },
    Engine { name: "gemm", package: Some("gemm"), models: &["float32"], does: Does::Multiply, settings: NO_CHOICE, load: products::float },
    Engine { name: "rten-gemm", package: Some("rten-gemm"), models: &["static"], does: Does::Multiply, settings: NO_CHOICE, load: products::int8 },
];

/// Runs something so many times.
type Time = Box<dyn FnMut(u64) -> anyhow::Result<Duration>>;

fn main() -> ExitCode {
    // In rten's own pool, whose size is that of everybody's: a call from outside would pay for the way between threads.
    match ::rten::thread_pool().run(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = PathBuf::from(arguments.next().context("no folder")?);
    let threads = arguments.next().context("no number of threads")?;
    let threads: usize = threads.to_str().context("no number of threads")?.parse()?;
    let wanted = arguments.next().context("no models")?;
    let wanted: Vec<&str> = wanted.to_str().context("no models")?.split(',').collect();
    let input = Box::leak(Box::new(Input::read(&folder)?));
    let library = arguments.next().map(PathBuf::from);
    let mut setup = Setup { folder, input, threads, library, settings: "" };
    let mut rows = Vec::new();
    // A small batch does not keep several threads busy.
    let sizes: &[usize] = if threads == 1 { &[1, 64, 10_000] } else { &[10_000] };
    let has_library = setup.library.is_some();
    let can = |engine: &&Engine| {
        (threads == 1 || engine.does != Does::ReadAlone) && (engine.package.is_some() || has_library)
    };
    for engine in ENGINES.iter().filter(can) {
        let Engine { name, package, models, .. } = engine;
        if let Some(version) = package.and_then(version) {
            say(json!({"version": [name, version]}))?;
        }
        let models = models.iter().filter(|model| wanted.contains(model));
        for (model, &size) in models.flat_map(|model| sizes.iter().map(move |size| (model, size))) {
            match engine.prepare(&mut setup, model, size) {
                Ok((correct, time)) => {
                    let classified = correct.map(|_| input.len());
                    say(json!({"row": {
                        "engine": name, "model": model, "batch": size, "correct": correct, "classified": classified,
                        "settings": Some(setup.settings).filter(|settings| !settings.is_empty())
                    }}))?;
                    rows.push(time);
                }
                Err(error) => {
                    let engine = format!("{name} {model}, batch {size}");
                    say(json!({"left_out": {"engine": engine, "why": format!("{error:#}")}}))?;
                }
            }
        }
    }
    if threads == 1 && wanted.contains(&"train") {
        rows.push(candle::training(&setup)?);
        say(json!({"row": {"engine": "candle", "model": "train", "batch": candle::BATCH}}))?;
    }
    say(json!("ready"))?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (row, runs) = line.split_once(' ').context("expected the number of a row and of runs")?;
        let time = rows.get_mut(row.parse::<usize>()?).with_context(|| format!("no row {row}"))?;
        say(json!(time(runs.parse()?)?.as_nanos() as u64))?;
    }
    Ok(())
}

impl Engine {
    /// Loads a model with the best of the settings, lets the engine read all digits, if it does, and is then ready to time it.
    fn prepare(&self, setup: &mut Setup, model: &str, size: usize) -> anyhow::Result<(Option<usize>, Time)> {
        let batches = Batches::new(setup.input, size);
        let mut best: Option<(Duration, &'static str)> = None;
        for &settings in self.settings.iter().filter(|_| self.settings.len() > 1) {
            setup.settings = settings;
            let Ok(run) = (self.load)(setup, model, &batches) else { continue };
            let Ok(least) = trial(in_turn(run, batches)) else { continue };
            if best.is_none_or(|(time, _)| least < time) {
                best = Some((least, settings));
            }
        }
        setup.settings = best.map_or(self.settings[0], |(_, settings)| settings);
        let mut run = (self.load)(setup, model, &batches)?;
        let correct = match self.does {
            Does::Read | Does::ReadAlone => Some(batches.correct(&mut run)?),
            Does::Multiply => None,
        };
        Ok((correct, in_turn(run, batches)))
    }
}

/// Runs batches in turn.
fn in_turn(mut run: Run, batches: Batches) -> Time {
    let mut logits = vec![0.0; batches.size * input::CLASSES];
    let mut batch = 0;
    Box::new(move |runs| {
        let start = Instant::now();
        for _ in 0..runs {
            run(batch, &mut logits)?;
            std::hint::black_box(&mut logits);
            batch = if batch + 1 < batches.walk() { batch + 1 } else { 0 };
        }
        Ok(start.elapsed())
    })
}

/// The least time of so many runs that they take some milliseconds, of as many as a fifth of a second has room for.
fn trial(mut time: Time) -> anyhow::Result<Duration> {
    const TRIAL: Duration = Duration::from_millis(200);
    let once = time(1)?.max(Duration::from_nanos(1));
    let runs = (TRIAL.as_nanos() / 40 / once.as_nanos()).max(1) as u64;
    let (start, mut least) = (Instant::now(), Duration::MAX);
    while start.elapsed() < TRIAL {
        // Of one run: the others have other numbers of them.
        least = least.min(time(runs)? / runs as u32);
    }
    Ok(least)
}

/// The version of a dependency.
fn version(package: &str) -> Option<&'static str> {
    let (_, after) =
        include_str!("../Cargo.lock").split_once(&format!("name = \"{package}\"\nversion = \""))?;
    after.split('"').next()
}

fn say(message: serde_json::Value) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{message}")?;
    Ok(out.flush()?)
}

/// The bytes of a model's file.
fn model_file(folder: &Path, model: &str, extension: &str) -> anyhow::Result<Vec<u8>> {
    let path = folder.join(format!("{model}.{extension}"));
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}
