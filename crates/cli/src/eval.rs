//! Measures models: how many digits they read right, which they take for which, how large they are.

mod drawings;
mod reject;

use std::path::{Path, PathBuf};

use digit8_core::Kernel;
use digit8_core::compare::{Confusion, batched_logits};
use digit8_core::digits::Digits;
use digit8_core::file::{Info, Model};
use digit8_core::int8::Scheme;
use digit8_data::{Source, model, strokes};
use digit8_host::files;
use digit8_host::terminal::{table, thousands};
use digit8_report::confusion::{headings, labelled, matrix, mistakes};
use digit8_report::interval::wilson;
use digit8_report::machine::{PEAK_MEMORY, peak_memory};

/// Measure a model: accuracy, confusion, size
///
/// Reads the test digits, or with --strokes the drawings of a file, with each model, float32 or int8, and shows the models
/// side by side.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  digit8 eval out/model.safetensors\n  digit8 eval www/models/drawings-*.safetensors --strokes drawings.jsonl"
)]
pub struct Args {
    /// The models: safetensors files
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<PathBuf>,
    /// Read drawings instead of test digits: one JSON object a line, {"label": 3, "strokes": [[[x, y], …], …]}, y downwards;
    /// or UCI's pendigits-orig.tra
    #[arg(long, value_name = "FILE")]
    strokes: Option<PathBuf>,
    /// With --strokes: a page with every misread drawing and what each model answers
    #[arg(long, value_name = "FILE", requires = "strokes")]
    html: Option<PathBuf>,
    /// Also show how a threshold on the probability tells digits from letters, shapes and scribbles: what it refuses and what it
    /// lets through
    #[arg(long)]
    reject: bool,
    /// The images that are quantized as one tensor, where a model's scheme is dynamic
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    #[command(flatten)]
    source: Source,
}

/// What a model made of the digits.
struct Reading {
    name: String,
    kind: String,
    bytes: usize,
    model: Model,
    info: Info,
    /// `[n, 10]`.
    logits: Vec<f32>,
    confusion: Confusion,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let drawings = args.strokes.as_deref().map(strokes::read).transpose()?;
    let digits = match &drawings {
        Some(drawings) => strokes::images(drawings, |point| point)?,
        None => {
            let test = args.source.load_test()?;
            println!("{}: {} test digits", test.origin, thousands(test.digits.len()));
            if !test.official {
                println!(
                    "These digits are not MNIST's test set: the accuracies do not compare with others'."
                );
            }
            test.digits
        }
    };
    let readings = args
        .models
        .iter()
        .map(|path| read_with(path, &digits, args.batch as usize))
        .collect::<anyhow::Result<Vec<_>>>()?;

    println!("\n{}", summary(&readings));
    println!("\nRight of each digit, %\n\n{}", by_digit(&readings));
    for reading in &readings {
        println!("\n{}: digits (down) read as (across)\n\n{}", reading.name, matrix(&reading.confusion));
        println!("{}", mistakes(&reading.confusion));
    }
    if let Some(drawings) = &drawings {
        println!(
            "\nRight of each writer, % (intervals of 95 %)\n\n{}",
            drawings::by_writer(&readings, drawings)
        );
        println!("\nRight of changed drawings, %\n\n{}", drawings::by_change(&readings, drawings)?);
        if let Some(path) = &args.html {
            files::write(path, drawings::misread_page(&readings, drawings)?.as_bytes())?;
            println!("\nWrote {}", path.display());
        }
    }
    if args.reject {
        let name = if drawings.is_some() { "drawings" } else { "test digits" };
        for reading in &readings {
            let curve = reject::curve(reading, &[(name, &digits)]);
            println!("\n{}: what a threshold refuses and lets through, %\n\n{curve}", reading.name);
        }
    }
    if let Some(bytes) = peak_memory() {
        println!("\n{PEAK_MEMORY} {:.1} MB", bytes as f64 / 1e6);
    }
    Ok(())
}

/// Reads all digits with the model of a file.
fn read_with(path: &Path, digits: &Digits, batch: usize) -> anyhow::Result<Reading> {
    let bytes = files::read(path)?.len();
    let (model, info) = model::read(path)?;
    let logits = batched_logits(&model, Kernel::best(), digits.images(), batch);
    let confusion = Confusion::count(&logits, digits.labels());
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let kind = match &model {
        Model::Float(_) => "float32".into(),
        Model::Int8(int8) if int8.scheme() == Scheme::Dynamic => match batch {
            1 => "int8 dynamic, one image at a time".into(),
            _ => format!("int8 dynamic, batches of {batch} in order"),
        },
        Model::Int8(int8) => format!("int8 {}", int8.scheme().name()),
    };
    Ok(Reading { name, kind, bytes, model, info, logits, confusion })
}

fn summary(readings: &[Reading]) -> String {
    let rows = readings.iter().map(|Reading { name, kind, bytes, confusion, .. }| {
        let [low, high] = wilson(confusion.correct(), confusion.total());
        [
            name.clone(),
            kind.clone(),
            thousands(*bytes),
            format!(
                "{} of {}",
                thousands(confusion.correct() as usize),
                thousands(confusion.total() as usize)
            ),
            format!("{:.2} %", 100.0 * confusion.accuracy()),
            format!("{:.2}–{:.2}", 100.0 * low, 100.0 * high),
        ]
    });
    table(["model", "network", "bytes", "right", "accuracy", "95 % interval"], rows)
}

fn by_digit(readings: &[Reading]) -> String {
    let rows = readings.iter().map(|reading| {
        let right =
            reading.confusion.0.iter().enumerate().map(|(digit, row)| match row.iter().sum::<u32>() {
                0 => "–".into(),
                total => format!("{:.1}", 100.0 * f64::from(row[digit]) / f64::from(total)),
            });
        labelled(reading.name.clone(), right)
    });
    table(headings("model"), rows)
}
