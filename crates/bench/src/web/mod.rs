//! The benchmark in browsers: the page's own engine, on every kernel, and other people's engines beside it.
//!
//! A folder with the built page, crates/bench/browser, the models and the digits is served to a browser without a driver, so that
//! nothing runs beside the engines; the page there times them in turn and sends what it found.

mod browser;
mod server;
mod visit;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, anyhow};
use digit8_core::digits::Digits;
use digit8_core::file::{Info, Model};
use serde::{Deserialize, Serialize};

use super::engines::{CYCLE, Models};
use super::report::{Report, Row};
use super::sampler::Effort;
use crate::onnx;
use browser::Browser;
use digit8_data::model;
use digit8_host::files;
use digit8_host::process::run as run_program;
use digit8_host::progress;
use server::Checkout;

/// The images of a call.
const BATCHES: [usize; 2] = [1, 1000];
/// Plainest first, as the page names them.
const KERNELS: [&str; 3] = ["scalar", "simd128", "relaxed"];

/// What is timed, and how long.
pub struct Plan<'a> {
    /// The networks.
    pub models: &'a Models,
    /// What they read.
    pub digits: &'a Digits,
    /// How long to measure.
    pub effort: Effort,
    /// Whether others' engines, and Lighthouse, take part.
    pub peers: bool,
    /// Only rows whose name has this in it.
    pub only: &'a str,
}

/// What the page is told.
#[derive(Serialize)]
struct Settings<'a> {
    engine: String,
    kernels: &'a [&'a str],
    peers: BTreeMap<&'a str, String>,
    batches: &'a [usize],
    images: usize,
    rounds: usize,
    milliseconds: u64,
    only: &'a str,
}

/// What the page sends.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Message {
    Progress(String),
    Done(BrowserRun),
    Error(String),
}

#[derive(Deserialize)]
struct BrowserRun {
    timer_step_ns: f64,
    isolated: bool,
    agent: String,
    classified: usize,
    /// What this browser cannot run, and why.
    left_out: Vec<String>,
    rows: Vec<BrowserRow>,
}

#[derive(Deserialize)]
struct BrowserRow {
    engine: String,
    model: String,
    batch: usize,
    correct: usize,
    samples: Vec<f64>,
}

/// Times everything in every browser there is, and adds it to the report. Returns what had to be left out.
pub fn measure(plan: &Plan, report: &mut Report) -> anyhow::Result<Vec<String>> {
    let checkout = Checkout::find()?;
    let folder = checkout.root.join("target/web/bench");
    let _ = std::fs::remove_dir_all(&folder);
    checkout.build_page(&folder.join("page"))?;
    let programs = checkout.programs();
    let peers = if plan.peers { install_peers(&programs)? } else { BTreeMap::new() };
    let mut left_out = Vec::new();
    let chromium = Browser::chromium()?;
    let firefox = Browser::firefox().unwrap_or_else(|error| {
        left_out.push(format!("Firefox: {error:#}"));
        None
    });
    stage(&programs, &folder, plan, &peers)?;
    for browser in [Some(&chromium), firefox.as_ref()].into_iter().flatten() {
        match measure_in(browser, &checkout, &folder, plan) {
            Ok(found) => {
                println!(
                    "{}: {}\n  the timer steps by {:.0} µs; {}",
                    browser.name,
                    found.agent,
                    found.timer_step_ns / 1e3,
                    if found.isolated { "cross-origin isolated" } else { "not cross-origin isolated" }
                );
                left_out.extend(found.left_out.iter().map(|what| format!("{}: {what}", browser.name)));
                report.rows.extend(rows(browser, found, &peers));
            }
            Err(error) => left_out.push(format!("{}: {error:#}", browser.name)),
        }
    }
    for (name, version) in peers {
        report.versions.insert(name.into(), version);
    }
    report.visit =
        Some(visit::measure(&chromium, &checkout, &folder.join("page"), plan.peers, &mut left_out)?);
    Ok(left_out)
}

/// Installs other people's engines and Lighthouse; returns the versions of the engines.
fn install_peers(folder: &Path) -> anyhow::Result<BTreeMap<&'static str, String>> {
    let modified = |path: &str| std::fs::metadata(folder.join(path))?.modified();
    if modified("node_modules/.package-lock.json").ok() < Some(modified("package-lock.json")?) {
        println!("installing the engines of crates/bench/browser/package-lock.json with npm");
        let arguments = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
        run_program(Command::new("npm").args(arguments).current_dir(folder))?;
    }
    let version = |package: &str| -> anyhow::Result<String> {
        let path = folder.join("node_modules").join(package).join("package.json");
        let json: serde_json::Value = serde_json::from_slice(&files::read(&path)?)?;
        Ok(json["version"].as_str().unwrap_or_default().to_owned())
    };
    Ok(BTreeMap::from([
        ("onnxruntime-web", version("onnxruntime-web")?),
        ("tfjs wasm", version("@tensorflow/tfjs-backend-wasm")?),
    ]))
}

/// The files of others' engines: where npm has them, and where they are served.
const PEER_FILES: [(&str, &str); 6] = [
    ("onnxruntime-web/dist/ort.wasm.min.mjs", "peers/ort.wasm.min.mjs"),
    ("onnxruntime-web/dist/ort-wasm-simd-threaded.mjs", "peers/ort-wasm-simd-threaded.mjs"),
    ("onnxruntime-web/dist/ort-wasm-simd-threaded.wasm", "peers/ort-wasm-simd-threaded.wasm"),
    ("@tensorflow/tfjs-core/dist/tf-core.min.js", "peers/tf-core.min.js"),
    ("@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.min.js", "peers/tf-backend-wasm.min.js"),
    ("@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm", "peers/tfjs-backend-wasm-simd.wasm"),
];

/// Fills the folder that is served.
fn stage(programs: &Path, folder: &Path, plan: &Plan, peers: &BTreeMap<&str, String>) -> anyhow::Result<()> {
    let copy = |from: &Path, to: &str| files::write(&folder.join(to), &files::read(from)?);
    let page = std::fs::read_dir(folder.join("page"))?.flatten();
    let mut names = page.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let engine = names.find(|name| name.starts_with("engine-") && name.ends_with(".js"));
    let engine = engine.context("the built page has no engine.js")?;
    for name in ["index.html", "bench.js", "engines.js", "plain.js"] {
        copy(&programs.join(name), name)?;
    }
    let mut addresses = BTreeMap::new();
    if !peers.is_empty() {
        for (from, to) in PEER_FILES {
            copy(&programs.join("node_modules").join(from), to)?;
        }
        for name in ["onnxruntime", "tensorflow", "javascript"] {
            addresses.insert(name, "peers/".to_owned());
        }
    }
    let float = ("float32", Model::Float(plan.models.float.clone()));
    let int8 = plan.models.int8.iter().map(|model| (model.scheme().name(), Model::Int8(model.clone())));
    for (name, network) in [float].into_iter().chain(int8) {
        let path = |extension: &str| folder.join(format!("models/{name}.{extension}"));
        model::write(&path("safetensors"), &network, &Info::new())?;
        files::write(&path("onnx"), &onnx::qdq(&network))?;
    }
    files::write(&folder.join("pixels"), plan.digits.images())?;
    files::write(&folder.join("labels"), plan.digits.labels())?;
    let settings = Settings {
        engine: format!("./page/{engine}"),
        kernels: &KERNELS,
        peers: addresses,
        batches: &BATCHES,
        images: CYCLE,
        rounds: plan.effort.rounds,
        milliseconds: plan.effort.sample.as_millis() as u64,
        only: plan.only,
    };
    files::write(&folder.join("settings.json"), &serde_json::to_vec(&settings)?)
}

/// Serves the folder to a browser until the page there is done.
fn measure_in(
    browser: &Browser,
    checkout: &Checkout,
    folder: &Path,
    plan: &Plan,
) -> anyhow::Result<BrowserRun> {
    let server = checkout.serve(folder, true)?;
    let mut process = browser.open(&server.address)?;
    let bar = progress::bar(plan.effort.rounds, "");
    bar.set_message(browser.name.clone());
    loop {
        let Some(message) = server.message()? else {
            process.check()?;
            continue;
        };
        match serde_json::from_str(&message).with_context(|| format!("the page sent {message:?}"))? {
            Message::Progress(what) => {
                bar.set_message(format!("{}: {what}", browser.name));
                bar.inc(u64::from(what.starts_with("round")));
            }
            Message::Done(found) => {
                bar.finish_and_clear();
                return Ok(found);
            }
            Message::Error(error) => return Err(anyhow!("{error}")),
        }
    }
}

/// The page's rows in the form of all reports: the engine is named with its version and the browser.
fn rows(browser: &Browser, found: BrowserRun, versions: &BTreeMap<&str, String>) -> Vec<Row> {
    // The fastest kernel of this browser is digit8 itself.
    let mut fastest_first = found.rows.iter().rev();
    let best = fastest_first.find_map(|row| row.engine.strip_prefix("digit8 ")).map(str::to_owned);
    let named = |engine: &str| match engine.strip_prefix("digit8 ") {
        Some(kernel) if Some(kernel) == best.as_deref() => "digit8".to_owned(),
        _ => match versions.get(engine) {
            Some(version) => format!("{engine} {version}"),
            None => engine.to_owned(),
        },
    };
    let row = |row: &BrowserRow| {
        let mut whole = Row {
            engine: format!("{} in {}", named(&row.engine), browser.name),
            model: row.model.clone(),
            batch: row.batch,
            threads: 1,
            correct: Some(row.correct),
            classified: Some(found.classified / row.batch * row.batch),
            ..Row::default()
        };
        whole.set_samples(row.samples.clone());
        whole
    };
    found.rows.iter().map(row).collect()
}
