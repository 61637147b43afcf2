//! Measures models: how many digits they read right, which they take for which, how large they are.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use digit8_core::Kernel;
use digit8_core::compare::{Confusion, NO_ANSWER, batched_logits};
use digit8_core::digits::{CLASSES, Digits};
use digit8_core::file::Model;
use digit8_core::int8::Scheme;
use digit8_core::stroke::{Point, rasterize};
use serde::Deserialize;

use crate::data::Source;
use crate::files;
use crate::process::peak_memory;
use crate::terminal::{table, thousands};

/// Measure a model: accuracy, confusion, size
///
/// Reads the test digits, or with --strokes the drawings of a file, with each model, float32 or int8, and shows the models
/// side by side.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask eval out/model.safetensors\n  cargo xtask eval www/models/drawings-*.safetensors --strokes drawings.jsonl"
)]
pub struct Args {
    /// The models: safetensors files
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<PathBuf>,
    /// Read drawings instead of test digits: one JSON object a line, {"label": 3, "strokes": [[[x, y], …], …]}, y downwards
    #[arg(long, value_name = "FILE")]
    strokes: Option<PathBuf>,
    /// The images that are quantized as one tensor, where a model's scheme is dynamic
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    #[command(flatten)]
    source: Source,
}

/// How the last line of the output begins: the most memory that the command held at once.
pub const PEAK_MEMORY: &str = "Peak memory";

/// What a model made of the digits.
struct Reading {
    name: String,
    kind: String,
    bytes: usize,
    confusion: Confusion,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let digits = match &args.strokes {
        Some(path) => read_drawings(path)?,
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
    if let Some(bytes) = peak_memory() {
        println!("\n{PEAK_MEMORY} {:.1} MB", bytes as f64 / 1e6);
    }
    Ok(())
}

/// Reads all digits with the model of a file.
fn read_with(path: &Path, digits: &Digits, batch: usize) -> anyhow::Result<Reading> {
    let bytes = files::read(path)?.len();
    let (model, _) = files::read_model(path)?;
    let confusion =
        Confusion::count(&batched_logits(&model, Kernel::best(), digits.images(), batch), digits.labels());
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let kind = match &model {
        Model::Float(_) => "float32".into(),
        Model::Int8(int8) if int8.scheme() == Scheme::Dynamic => match batch {
            1 => "int8 dynamic, one image at a time".into(),
            _ => format!("int8 dynamic, batches of {batch} in order"),
        },
        Model::Int8(int8) => format!("int8 {}", int8.scheme().name()),
    };
    Ok(Reading { name, kind, bytes, confusion })
}

fn summary(readings: &[Reading]) -> String {
    let rows = readings.iter().map(|Reading { name, kind, bytes, confusion }| {
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
        ]
    });
    table(["model", "network", "bytes", "right", "accuracy"], rows)
}

fn by_digit(readings: &[Reading]) -> String {
    let rows = readings.iter().map(|reading| {
        let right = reading.confusion.counts.iter().enumerate().map(|(digit, row)| {
            match reading.confusion.total_of(digit) {
                0 => "–".into(),
                total => format!("{:.1}", 100.0 * f64::from(row[digit]) / f64::from(total)),
            }
        });
        labelled(reading.name.clone(), right)
    });
    table(headings("model"), rows)
}

/// How often each digit (down) was read as each (across).
pub fn matrix(confusion: &Confusion) -> String {
    let rows = (0..).zip(&confusion.counts).map(|(digit, row): (usize, _)| {
        let counts = row.iter().map(|&count| if count == 0 { "·".into() } else { count.to_string() });
        labelled(digit.to_string(), counts)
    });
    table(headings(""), rows)
}

fn headings(first: &str) -> [&str; 1 + CLASSES] {
    [first, "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
}

/// A row of a table with a column for each digit.
fn labelled(label: String, mut cells: impl Iterator<Item = String>) -> [String; 1 + CLASSES] {
    let mut label = Some(label);
    std::array::from_fn(|_| label.take().or_else(|| cells.next()).unwrap_or_default())
}

/// The pairs of digits that are mixed up most often, and what had no answer.
pub fn mistakes(confusion: &Confusion) -> String {
    let unanswered: u32 = confusion.unanswered.iter().sum();
    match unanswered {
        0 => mixed_up(confusion),
        count => format!("{} No digit was the answer {count} times: {NO_ANSWER}.", mixed_up(confusion)),
    }
}

fn mixed_up(confusion: &Confusion) -> String {
    let pairs = (0..CLASSES).flat_map(|digit| (0..CLASSES).map(move |read| (digit, read)));
    let mut wrong: Vec<(u32, usize, usize)> = pairs
        .filter(|(digit, read)| digit != read)
        .map(|(digit, read)| (confusion.counts[digit][read], digit, read))
        .filter(|&(count, ..)| count > 0)
        .collect();
    // Stable: of equals, the smaller digit first.
    wrong.sort_by_key(|&(count, ..)| std::cmp::Reverse(count));
    if wrong.is_empty() {
        return "No mistakes.".into();
    }
    let most: Vec<String> =
        wrong.iter().take(5).map(|(count, digit, read)| format!("{digit} as {read} ({count})")).collect();
    format!("Most frequent mistakes: {}.", most.join(", "))
}

/// A drawn digit, one line of a file.
#[derive(Deserialize)]
struct Drawing {
    label: u8,
    writer: Option<String>,
    strokes: Vec<Vec<[f32; 2]>>,
}

impl Drawing {
    /// What the networks see of it.
    fn image(&self) -> anyhow::Result<Vec<u8>> {
        ensure!(usize::from(self.label) < CLASSES, "label {}, expected 0 to 9", self.label);
        let strokes: Vec<Vec<Point>> =
            self.strokes.iter().map(|stroke| stroke.iter().map(|&[x, y]| Point { x, y }).collect()).collect();
        Ok(rasterize(&strokes, 1.0).context("nothing is drawn")?.to_vec())
    }
}

/// The drawings of a file as the page would show them to a network. Lines that hold none are named and passed over.
fn read_drawings(path: &Path) -> anyhow::Result<Digits> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let (digits, writers) = parse_drawings(BufReader::new(file), |line, error| {
        eprintln!("{}, line {line}: {error:#}; passed over", path.display());
    })
    .with_context(|| path.display().to_string())?;
    let by = if writers > 0 { format!(" by {} writers", thousands(writers)) } else { String::new() };
    println!("{}: {} drawings{by}", path.display(), thousands(digits.len()));
    Ok(digits)
}

/// The drawings and the number of their writers.
fn parse_drawings(
    lines: impl BufRead,
    mut report: impl FnMut(usize, anyhow::Error),
) -> anyhow::Result<(Digits, usize)> {
    let (mut images, mut labels, mut writers) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (line, text) in (1..).zip(lines.lines()) {
        let text = text.with_context(|| format!("line {line}"))?;
        if text.trim().is_empty() {
            continue;
        }
        let parse = || -> anyhow::Result<(Drawing, Vec<u8>)> {
            let drawing: Drawing = serde_json::from_str(&text)?;
            let image = drawing.image()?;
            Ok((drawing, image))
        };
        match parse() {
            Ok((drawing, image)) => {
                images.extend(image);
                labels.push(drawing.label);
                writers.extend(drawing.writer);
            }
            Err(error) => report(line, error),
        }
    }
    ensure!(
        !labels.is_empty(),
        "no drawings in it, expected one JSON object a line with `label` and `strokes`"
    );
    Ok((Digits::new(images, labels)?, writers.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_lines_are_named_and_passed_over() {
        let text = r#"{"label": 1, "writer": "a", "strokes": [[[5, 0], [5, 9]]]}
not JSON

{"label": 11, "strokes": [[[5, 0], [5, 9]]]}
{"label": 2, "strokes": [[]]}
{"label": 7, "writer": "a", "strokes": [[[0, 0], [9, 0], [3, 20]]]}"#;
        let mut bad = Vec::new();
        let (digits, writers) =
            parse_drawings(text.as_bytes(), |line, error| bad.push((line, error.to_string()))).unwrap();
        assert_eq!((digits.labels(), writers), (&[1, 7][..], 1));
        assert_eq!(bad.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4, 5]);
        assert!(bad[1].1.contains("label 11"), "{}", bad[1].1);
        assert!(bad[2].1.contains("nothing is drawn"), "{}", bad[2].1);
        assert!(parse_drawings(&b"\n"[..], |_, _| ()).is_err());
    }

    #[test]
    fn mistakes_come_by_number() {
        let mut confusion = Confusion::default();
        confusion.counts[4][4] = 90;
        assert_eq!(mistakes(&confusion), "No mistakes.");
        confusion.counts[4][9] = 2;
        confusion.counts[9][3] = 7;
        assert_eq!(mistakes(&confusion), "Most frequent mistakes: 9 as 3 (7), 4 as 9 (2).");
        let unanswered = Confusion { unanswered: [0, 0, 3, 0, 0, 0, 0, 0, 1, 0], ..confusion.clone() };
        assert!(
            mistakes(&unanswered).contains("(2). No digit was the answer 4 times: the network's sums leave")
        );
        let lines: Vec<String> = matrix(&confusion).lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), 11);
        assert_eq!(
            lines[5].split_whitespace().collect::<Vec<_>>(),
            ["4", "·", "·", "·", "·", "90", "·", "·", "·", "·", "2"]
        );
    }
}
