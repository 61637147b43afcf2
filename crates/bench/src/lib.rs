//! Times everything, and holds it against the machine's limits and against others.
//!
//! Imports `host`, `kernels`, `core`, `data` and `report`. What it needs of the page, it asks the checkout's `xtask` for.

#![forbid(unsafe_code)]

mod engines;
mod format;
mod goals;
mod groups;
mod grow;
mod history;
mod html;
mod limits;
mod onnx;
mod peers;
mod report;
mod sampler;
mod show;
mod stages;
mod web;
mod work;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{bail, ensure};
use digit8_core::Kernel;
use digit8_core::digits::Digits;
use digit8_core::file::{Info, Model};
use digit8_core::float::Mlp;

use digit8_data::{Dataset, Source, model};
use digit8_host::files;
use digit8_host::process::output;
use digit8_host::progress;
use digit8_host::terminal::thousands;
use digit8_report::machine::PEAK_MEMORY;
use engines::Models;
use peers::Wanted;
use report::Report;
use sampler::{Bench, Effort};

/// Time every kernel and model of this machine, and others' engines beside them
///
/// Every figure is a median over samples that are taken in turn, so that a noisy machine hits all rows alike: compare the
/// ratios of one run, not the times of two.
///
/// With --peers, onnxruntime, PyTorch, tract, rten, candle and gemm are timed in the same run, each with the same network
/// and digits, on as many threads, by its own best settings. They are built from crates/peers, and installed to a Python
/// environment, under target/peers. What cannot be had is left out and named.
///
/// With --web, the built page's engine is timed in Chromium, and in Firefox where that is installed; with --peers besides,
/// onnxruntime-web, TensorFlow.js and plain JavaScript beside it, installed from crates/bench/browser, and Lighthouse scores the
/// page. How long a first visit waits on a slow link is measured as well.
#[derive(clap::Args)]
#[command(
    after_help = "Environment:\n  DIGIT8_PYTHON   an interpreter that has onnxruntime and torch, instead of an environment of our own\n\n\
        Examples:\n  digit8 bench --quick\n  digit8 bench --peers --json out/bench.json --html out/bench.html\n  \
        digit8 bench --only fused --compare out/bench.json\n  digit8 bench --web --peers --html out/web.html\n  \
        digit8 bench --grow --peers --quick --html out/grow.html"
)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// The float32 model to time and to quantize [default: the notebook's, which is built in]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Time others' engines too
    #[arg(long)]
    peers: bool,
    /// Time the page's engine in Chromium, and in Firefox where there is one, instead of the native kernels
    #[arg(long)]
    web: bool,
    /// Few and short samples
    #[arg(long)]
    quick: bool,
    /// Only rows whose name has this in it: `digit8`, `fused`, `linear1`, `batch 64`, `onnxruntime float32`
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report as a page with plots
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Compare with an earlier run's JSON
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Add this run's ratios to a file, as a line of JSON, and show them beside those of earlier runs
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Time untrained networks with hidden layers of 32 to 2,048 neurons, on one thread: where does an advantage end?
    #[arg(long, conflicts_with_all = ["web", "model", "compare", "history"])]
    grow: bool,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let outputs: Vec<&Path> =
        args.json.iter().chain(&args.html).chain(&args.history).map(PathBuf::as_path).collect();
    let inputs: Vec<&Path> = args.model.iter().chain(&args.compare).map(PathBuf::as_path).collect();
    files::check_outputs(&outputs, &inputs)?;
    let earlier = args.compare.as_deref().map(Report::read).transpose()?;
    let dataset = args.source.load()?;
    let (digits, origin) = repeated(&dataset)?;
    if args.grow {
        return grow::run(&args, &dataset, &digits, &origin);
    }
    let models = Models::new(args.float()?, &dataset)?;
    let shown = args.model.as_ref().map_or(NOTEBOOK_NAME.into(), |path| path.display().to_string());
    let mut report = Report::new(shown, origin, dataset.train.len(), &models.float);
    if args.web {
        let plan = web::Plan {
            models: &models,
            digits: &digits,
            effort: Effort { sample: Duration::from_millis(10), ..args.effort() },
            peers: args.peers,
            only: args.only.as_deref().unwrap_or_default(),
        };
        let left_out = web::measure(&plan, &mut report)?;
        return args.finish(&report, earlier.as_ref(), &left_out);
    }
    report.peak_memory.extend(eval_memory(&args, &models.float)?);

    let train = Rc::new(dataset.train);
    let mut benches = limits::limits();
    benches.extend(engines::inferences(&models, &digits, &Kernel::available()));
    benches.extend(engines::on_noise(&models));
    benches.extend(stages::stages(&models, &digits));
    benches.extend(engines::trainings(&models.float, &train));
    let mut left_out = args.add_peers(&models, &digits, &train, &Wanted::all(), &mut benches, &mut report)?;
    left_out.extend(args.time(benches, &mut report)?);
    args.finish(&report, earlier.as_ref(), &left_out)
}

/// The peak memory of `eval`, by its own word. The model is written anew for it: who gave it by a pipe gave it once.
fn eval_memory(args: &Args, float: &Mlp) -> anyhow::Result<Option<(String, u64)>> {
    let folder = tempfile::tempdir()?;
    let model = folder.path().join("model.safetensors");
    model::write(&model, &Model::Float(float.clone()), &Info::new())?;
    let mut eval = Command::new(std::env::current_exe()?);
    let printed = output(eval.arg("eval").arg(&model).args(args.source.flags()))?;
    let megabytes = printed.lines().find_map(|line| line.strip_prefix(PEAK_MEMORY)?.strip_suffix("MB"));
    let Some(megabytes) = megabytes else { return Ok(None) };
    let bytes = megabytes.trim().parse::<f64>()? * 1e6;
    Ok(Some(("memory of `eval` on the test digits".into(), bytes as u64)))
}

impl Args {
    /// Adds what others' engines have to time, if that is wanted. Returns what cannot be had.
    fn add_peers(
        &self,
        models: &Models,
        test: &Digits,
        train: &Digits,
        wanted: &Wanted,
        benches: &mut Vec<Bench>,
        report: &mut Report,
    ) -> anyhow::Result<Vec<String>> {
        if !self.peers {
            return Ok(Vec::new());
        }
        let peers = peers::start(models, test, train, wanted)?;
        benches.extend(peers.benches);
        report.versions.extend(peers.versions);
        Ok(peers.left_out)
    }

    /// Times what is wanted of these, and puts it into the report. Returns what failed.
    fn time(&self, mut benches: Vec<Bench>, report: &mut Report) -> anyhow::Result<Vec<String>> {
        benches.retain(|bench| self.wants(bench));
        ensure!(
            !benches.is_empty(),
            "no row has --only {:?} in its name",
            self.only.as_deref().unwrap_or_default()
        );
        let effort = self.effort();
        let bar = progress::bar(benches.len() * (effort.rounds + 1), "");
        let (rows, errors) = sampler::sample(benches, effort, &bar);
        bar.finish_and_clear();
        (report.limits, report.rows) = limits::split(rows);
        Ok(errors.iter().map(|error| format!("{error:#}")).collect())
    }

    /// Prints the report, and writes it where that is wanted.
    fn finish(&self, report: &Report, earlier: Option<&Report>, left_out: &[String]) -> anyhow::Result<()> {
        show::print(report, earlier);
        let history = match &self.history {
            Some(path) => history::add(path, report)?,
            None => Vec::new(),
        };
        say_left_out(left_out);
        if let Some(path) = &self.history {
            println!("Wrote {}, run {}", path.display(), history.len());
        }
        if let Some(path) = &self.json {
            report.write(path)?;
            println!("Wrote {}", path.display());
        }
        if let Some(path) = &self.html {
            files::write(path, html::page(report, &history).as_bytes())?;
            println!("Wrote {}", path.display());
        }
        Ok(())
    }

    fn effort(&self) -> Effort {
        let (rounds, milliseconds) = if self.quick { (5, 1) } else { (25, 5) };
        Effort { rounds, sample: Duration::from_millis(milliseconds) }
    }

    fn wants(&self, bench: &Bench) -> bool {
        // Without the limits there is nothing to hold rows against.
        limits::is_limit(&bench.row)
            || self.only.as_deref().is_none_or(|only| bench.row.name().contains(only))
    }

    /// The network that is timed.
    fn float(&self) -> anyhow::Result<Mlp> {
        match &self.model {
            Some(path) => Ok(model::read_float(path)?.model),
            None => match digit8_core::file::read(NOTEBOOK)?.model {
                Model::Float(mlp) => Ok(mlp),
                Model::Int8(_) => bail!("{NOTEBOOK_NAME} is an int8 model"),
            },
        }
    }
}

/// Says what was not timed, each sentence once: a process that ended took many rows with it.
fn say_left_out(sentences: &[String]) {
    let once: BTreeSet<&String> = sentences.iter().collect();
    once.iter().for_each(|sentence| println!("left out: {sentence}"));
}

/// The network that is timed where no other is named: the notebook's.
const NOTEBOOK: &[u8] = include_bytes!("../../../www/models/notebook-float32.safetensors");
const NOTEBOOK_NAME: &str = "notebook-float32.safetensors";

/// The test digits, repeated if there are less than the largest batch has, and what they are.
fn repeated(dataset: &Dataset) -> anyhow::Result<(Rc<Digits>, String)> {
    let (test, size) = (&dataset.test, engines::BATCHES[2]);
    ensure!(!test.is_empty(), "no test digits in {}", dataset.origin);
    let images = test.images().iter().copied().cycle().take(size * digit8_core::digits::PIXELS).collect();
    let labels = test.labels().iter().copied().cycle().take(size).collect();
    let mut origin =
        format!("the first {} test digits of {}", thousands(size.min(test.len())), dataset.origin);
    if test.len() < size {
        origin += &format!(", repeated to {}", thousands(size));
    }
    Ok((Rc::new(Digits::new(images, labels)?), origin))
}
