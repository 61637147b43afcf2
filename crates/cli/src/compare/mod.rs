//! Finds where two models differ, and why.

mod report;

use std::path::{Path, PathBuf};

use anyhow::Context;
use digit8_core::Kernel;
use digit8_core::digits::PIXELS;
use digit8_core::file::Model;
use digit8_data::{Source, model};
use digit8_host::files;
use digit8_host::progress;
use digit8_host::terminal::{Table, thousands};
use digit8_interchange::compare::{Comparison, Explained, Step, Subject, compare};

use crate::import::Pixels;

/// Find where two models differ, layer by layer, and why
///
/// The models may be of any kind: float32, int8 of any scheme, or ONNX files, which are evaluated by the standard's definitions, without
/// a runtime's fusions. For each step it counts the values that differ, on integers where both have them, and names the first digit
/// and neuron where the models part. Scales, zero points, weights and biases that differ are named with the known cause that they
/// look like; for a QDQ graph, so is the arithmetic of its output stages.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask compare out/model-static.safetensors out/model-fused.safetensors\n  cargo xtask compare out/model-fused.safetensors deployed.onnx --digits 1000"
)]
pub struct Args {
    /// The first model: safetensors or ONNX
    #[arg(value_name = "A")]
    first: PathBuf,
    /// The second model
    #[arg(value_name = "B")]
    second: PathBuf,
    /// How many test digits, from the first on [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    digits: Option<u32>,
    /// What an ONNX file's network takes for a pixel, where its input is float
    #[arg(long, value_enum, default_value_t = Pixels::Normalized)]
    pixels: Pixels,
    /// Write the comparison as a page, too
    #[arg(long, value_name = "FILE.html")]
    html: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let inputs = [args.first.as_path(), args.second.as_path()];
    files::check_outputs(&args.html.iter().map(PathBuf::as_path).collect::<Vec<_>>(), &inputs)?;
    let subjects = [&args.first, &args.second].map(|path| subject(path, args.pixels));
    let [first, second] = subjects;
    let (first, second) = (first?, second?);
    let test = args.source.load_test()?;
    let count = args.digits.map_or(test.digits.len(), |digits| test.digits.len().min(digits as usize));
    let names = [(&args.first, &first), (&args.second, &second)]
        .map(|(path, subject)| format!("{}: {}", path.display(), kind(subject)));
    let digits = format!("{} test digits of {}", thousands(count), test.origin);
    println!("A       {}\nB       {}\nDigits  {digits}\n", names[0], names[1]);
    let bar = progress::bar(count, "Comparing");
    let images = &test.digits.images()[..count * PIXELS];
    let comparison = compare(&first, &second, Kernel::best(), images, |done| bar.inc(done as u64))?;
    bar.finish_and_clear();
    println!("{}", told(&comparison));
    if let Some(path) = &args.html {
        files::write(path, report::page(&comparison, &names, &digits, images)?.as_bytes())?;
        println!("\nWrote {}", path.display());
    }
    Ok(())
}

fn subject(path: &Path, pixels: Pixels) -> anyhow::Result<Subject> {
    if path.extension().is_some_and(|extension| extension == "onnx") {
        let subject = Subject::of_onnx(&files::read(path)?, pixels.scaling());
        return subject.with_context(|| path.display().to_string());
    }
    Ok(Subject::Network(Box::new(model::read(path)?.model)))
}

fn kind(subject: &Subject) -> String {
    match subject {
        Subject::Network(model) => match &**model {
            Model::Float(_) => "float32".into(),
            Model::Int8(mlp) => format!("int8 {}", mlp.scheme()),
        },
        Subject::Graph { .. } => "an ONNX graph on integers".into(),
    }
}

/// The comparison in words and tables.
fn told(comparison: &Comparison) -> String {
    let mut text = format!("{}\n\n{}", steps(comparison).text(), digits_in_words(comparison));
    if !comparison.parameters.is_empty() {
        text += "\n\nWhat is not the same in A and B, and why:";
        for parameter in &comparison.parameters {
            text += &format!("\n  {parameter}");
        }
    }
    for sentence in arithmetic(comparison) {
        text += &format!("\n\n{sentence}");
    }
    text
}

fn steps(comparison: &Comparison) -> Table<6> {
    let headings = ["step", "compared", "differ", "by at most", "A parts from B first", "SQNR"];
    Table::new(headings, comparison.steps.iter().map(row))
}

fn digits_in_words(comparison: &Comparison) -> String {
    let (differing, first) = comparison.digits;
    let all = thousands(comparison.images);
    match first {
        Some(first) => {
            format!(
                "{} of {all} digits are read otherwise, the first is digit {first}.",
                thousands(differing)
            )
        }
        None => format!("All {all} digits are read alike."),
    }
}

/// What the arithmetic of a graph is, a sentence for each layer.
fn arithmetic(comparison: &Comparison) -> Vec<String> {
    comparison.arithmetic.iter().map(sentence).collect()
}

fn row(step: &Step) -> [String; 6] {
    let place = step.place.map_or("nowhere".into(), |place| {
        let [first, second] = [place.first, place.second];
        format!("digit {}, neuron {}: {first} and {second}", place.image, place.output)
    });
    [
        step.name.to_owned(),
        format!("{} {}", thousands(step.values), if step.on_integers { "integers" } else { "real numbers" }),
        thousands(step.differing),
        format!("{:.4}", step.most).trim_end_matches('0').trim_end_matches('.').to_owned(),
        place,
        step.distance.as_ref().map_or("–".into(), |distance| match distance.sqnr {
            sqnr if sqnr.is_finite() => format!("{sqnr:.1} dB"),
            _ => "equal".into(),
        }),
    ]
}

/// What the arithmetic of a graph's layer is.
fn sentence(explained: &Explained) -> String {
    let Explained { layer, differing, arithmetic, unexplained } = explained;
    if *differing == 0 {
        return format!(
            "{layer}: from the graph's own inputs, PyTorch's arithmetic gives all of its integers."
        );
    }
    let left = match unexplained {
        0 => "accounts for all of them".to_owned(),
        left => format!("leaves {} of them", thousands(*left)),
    };
    format!(
        "{layer}: from the graph's own inputs, PyTorch's arithmetic gives other integers in {} places; {} {left}.",
        thousands(*differing),
        arithmetic.describe()
    )
}
