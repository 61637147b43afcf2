//! Converts a float model to int8.

use std::iter;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use digit8_core::Kernel;
use digit8_core::compare::{Confusion, logits};
use digit8_core::digits::Digits;
use digit8_core::file::Model;
use digit8_core::int8::Scheme;
use digit8_data::model::{self, Stored};
use digit8_data::{Recipe, Source};
use digit8_host::files;
use digit8_host::terminal::{table, thousands};
use digit8_report::quantized::{activations_table, weights_table};

/// Quantize a float32 model to int8
///
/// Static and fused quantization run the float network over sample images first, to see how large each layer's outputs
/// get (calibration). Dynamic quantization needs no samples: it measures each batch as it comes.
#[derive(clap::Args)]
pub struct Args {
    /// The float32 model: a safetensors file with PyTorch's names
    #[arg(default_value = "out/model.safetensors")]
    model: PathBuf,
    /// How activations become integers
    #[arg(long, value_parser = scheme_parser())]
    scheme: Scheme,
    #[command(flatten)]
    recipe: Recipe,
    #[command(flatten)]
    source: Source,
    /// The int8 model to write [default: beside the float model, the scheme added to its name]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Accepts the schemes' names, and lists them in the help.
pub fn scheme_parser() -> impl TypedValueParser<Value = Scheme> {
    PossibleValuesParser::new(Scheme::ALL.map(Scheme::name)).try_map(|name| name.parse::<Scheme>())
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let Args { model: path, scheme, recipe, source, out } = args;
    let out = match out {
        Some(out) => out,
        None => default_out(&path, scheme, &recipe).with_context(|| {
            format!("{} is no file that another could be beside: name --out", path.display())
        })?,
    };
    let inputs: Vec<&Path> = iter::once(&path).chain(&recipe.observers).map(PathBuf::as_path).collect();
    files::check_outputs(&[&out], &inputs)?;
    let Stored { model: mlp, info, bytes: before } = model::read_float(&path)?;
    let dataset = source.load()?;
    let [hidden1, hidden2] = mlp.hidden();
    println!("Model        {}: float32, 784-{hidden1}-{hidden2}-10", path.display());
    println!("Digits       {}", dataset.origin);
    println!("Calibration  {}\n", recipe.origin(scheme, &dataset));

    let (int8, seen) = recipe.quantize(&mlp, scheme, &dataset)?;
    if scheme != Scheme::Dynamic {
        println!("{}\n", activations_table(seen.as_ref(), int8.activations()).text());
    }
    println!("{}\n", weights_table(&int8).text());

    let int8 = Model::Int8(int8);
    let info = model::quantized_info(info, &recipe, scheme, &dataset);
    let after = model::write(&out, &int8, &info)?;
    println!("{}", comparison_table(&Model::Float(mlp), &int8, [before, after], &dataset.test));
    if !dataset.official_test {
        println!("These digits are not MNIST's test set.");
    }
    println!("\nWrote {}", out.display());
    Ok(())
}

fn comparison_table(float: &Model, int8: &Model, sizes: [usize; 2], digits: &Digits) -> String {
    let row = |name: &str, model: &Model, size: usize| {
        let confusion = Confusion::count(&logits(model, Kernel::best(), digits.images()), digits.labels());
        [
            name.into(),
            format!("{} bytes", thousands(size)),
            format!("{:.2} %", 100.0 * confusion.accuracy()),
            format!("{} of {}", thousands(confusion.correct() as usize), thousands(digits.len())),
        ]
    };
    let rows = [row("before (float32)", float, sizes[0]), row("after (int8)", int8, sizes[1])];
    table(["", "file", "accuracy", "read right"], rows)
}

/// Beside the model, if it is a file: `net.safetensors` becomes `net-static.safetensors`.
fn default_out(model: &Path, scheme: Scheme, recipe: &Recipe) -> Option<PathBuf> {
    let channels = if recipe.per_channel { "-per-channel" } else { "" };
    files::sibling(model, "safetensors", &format!("-{scheme}{channels}.safetensors"))
}
