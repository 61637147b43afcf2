//! Converts a float model to int8.

use std::path::{Path, PathBuf};

use anyhow::Context;
use digit8_core::Kernel;
use digit8_core::compare::{Confusion, logits};
use digit8_core::digits::Digits;
use digit8_core::file::Model;
use digit8_core::quant::{Granularity, Recipe, Width};
use digit8_data::{Quantized, RecipeFlags, Source, model};
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
    let (mlp, info) = model::read_float(&path)?;
    let out = out.unwrap_or_else(|| default_out(&path, &flags));
    files::check_writable(&out)?;
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
    if let Some(seen) = &seen {
        println!("{}\n", activations_table(seen, int8.activations()).text());
    }
    println!("{}\n", weights_table(&int8).text());

    let int8 = Model::Int8(int8);
    let info = model::quantized_info(info, &flags, &dataset);
    model::write(&out, &int8, &info)?;

    let (before, after) = (file_size(&path)?, file_size(&out)?);
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

/// Beside the float model: the recipe's name added to its own, or the scheme and what else makes it another network.
fn default_out(model: &Path, flags: &RecipeFlags) -> PathBuf {
    let stem = model.file_stem().unwrap_or_default().to_string_lossy();
    let Recipe { scheme, weights, .. } = &flags.recipe;
    let channels = if weights.granularity == Granularity::PerChannel { "-per-channel" } else { "" };
    let bits = match weights.bits {
        [one, two, three] if one == two && two == three && one == Width::default() => String::new(),
        [one, two, three] if one == two && two == three => format!("-{one}"),
        [one, two, three] => format!("-{one}-{two}-{three}"),
    };
    model.with_file_name(format!("{stem}-{scheme}{bits}{channels}.safetensors"))
}

fn file_size(path: &Path) -> anyhow::Result<usize> {
    let metadata = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(metadata.len() as usize)
}
