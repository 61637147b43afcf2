//! Converts a float model to int8.

use std::iter;
use std::path::{Path, PathBuf};

use anyhow::Context;
use digit8_core::Kernel;
use digit8_core::compare::{Confusion, logits};
use digit8_core::digits::Digits;
use digit8_core::file::Model;
use digit8_core::int8::Scheme;
use digit8_core::quant::{Granularity, Recipe, Width};
use digit8_data::model::{self, Stored};
use digit8_data::{Quantized, RecipeFlags, Source};
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
    #[command(flatten)]
    flags: RecipeFlags,
    #[command(flatten)]
    source: Source,
    /// The int8 model to write [default: beside the float model, the scheme added to its name, and the weights' bits if they are not 8]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let Args { model: path, flags, source, out } = args;
    let out = match out {
        Some(out) => out,
        None => default_out(&path, &flags).with_context(|| {
            format!("{} is no file that another could be beside: name --out", path.display())
        })?,
    };
    let inputs: Vec<&Path> = iter::once(&path).chain(&flags.observers).map(PathBuf::as_path).collect();
    files::check_outputs(&[&out], &inputs)?;
    let Stored { model: mlp, info, bytes: before } = model::read_float(&path)?;
    let dataset = source.load()?;
    let [hidden1, hidden2] = mlp.hidden();
    println!("Model        {}: float32, 784-{hidden1}-{hidden2}-10", path.display());
    println!("Digits       {}", dataset.origin);
    println!("Recipe       {}", flags.recipe);
    println!("Calibration  {}\n", flags.origin(&dataset));

    let Quantized { int8, seen, losses } = flags.quantize(&mlp, &dataset)?;
    if let Some(loss) = losses.last() {
        println!("Retrained    {} steps, the last one's loss {loss:.4}\n", thousands(losses.len()));
    }
    if flags.recipe.scheme != Scheme::Dynamic {
        println!("{}\n", activations_table(seen.as_ref(), int8.activations()).text());
    }
    println!("{}\n", weights_table(&int8).text());

    let int8 = Model::Int8(int8);
    let info = model::quantized_info(info, &flags, &dataset);
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

/// Beside the model, if it is a file: `net.safetensors` becomes `net-static.safetensors`, or `net-fused-4-per-channel.safetensors`.
fn default_out(model: &Path, flags: &RecipeFlags) -> Option<PathBuf> {
    let Recipe { scheme, weights, .. } = &flags.recipe;
    let channels = if weights.granularity == Granularity::PerChannel { "-per-channel" } else { "" };
    let bits = match weights.bits {
        [one, two, three] if one == two && two == three && one == Width::default() => String::new(),
        [one, two, three] if one == two && two == three => format!("-{one}"),
        [one, two, three] => format!("-{one}-{two}-{three}"),
    };
    files::sibling(model, "safetensors", &format!("-{scheme}{bits}{channels}.safetensors"))
}
