//! Every layer's output for the test images as NumPy arrays, for comparison with another implementation.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use digit8_core::Kernel;
use digit8_core::digits::PIXELS;
use digit8_core::file::Model;
use digit8_core::int8::{Activations, QuantizedMlp, Scheme, Values};
use digit8_core::quant::{Observations, QParams, WeightScale};
use ndarray::{Array2, Axis, concatenate};
use ndarray_npy::{NpzWriter, WritableElement};
use serde_json::{Map, Value, json};

use digit8_data::{Quantized, RecipeFlags, Source, model as models};
use digit8_host::files;
use digit8_host::progress;
use digit8_host::terminal::thousands;

/// Write every layer's output for the test images as NumPy arrays
///
/// Static: quant, linear1, relu1, linear2, relu2, linear3 as uint8 and dequant as float32; fused: the same without the
/// ReLUs; dynamic: linear1, linear2, linear3 as float32, before ReLU. Scales and zero points stand in a JSON file of the
/// same name.
#[derive(clap::Args)]
pub struct Args {
    /// The model: float32, which is quantized first, or int8
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    flags: RecipeFlags,
    /// The images that are quantized as one tensor, where the scheme is dynamic
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    #[command(flatten)]
    source: Source,
    /// The .npz file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    files::check_writable(&args.out)?;
    let parameters = args.out.with_extension("json");
    ensure!(
        parameters != args.out,
        "--out is a .json file, expected .npz: the parameters go to the .json beside it"
    );
    files::check_writable(&parameters)?;
    if let Some(observers) = &args.flags.observers {
        ensure!(
            !is_same_file(observers, &parameters),
            "{} would be lost: the parameters go to that file, so choose another --out",
            observers.display()
        );
    }
    let dataset = args.source.load()?;
    let model = args.model.display();
    let (int8, seen) = match models::read(&args.model)?.0 {
        Model::Float(mlp) => {
            let flags = &args.flags;
            let says = ["scheme", "recipe"].iter().any(|flag| flags.given.contains(flag));
            ensure!(says, "--scheme is needed (or --recipe), since the model is float32");
            println!("Model        {model}: float32, quantized: {}", flags.recipe);
            println!("Calibration  {}", flags.origin(&dataset));
            let Quantized { int8, seen, .. } = flags.quantize(&mlp, &dataset)?;
            (int8, seen)
        }
        Model::Int8(int8) => {
            let (has, asked) = (int8.scheme(), args.flags.recipe.scheme);
            if args.flags.given.contains(&"scheme") {
                ensure!(has == asked, "{model} is quantized as {has}, not {asked}");
            }
            if let Some(flag) = args.flags.given.iter().find(|&&flag| flag != "scheme") {
                bail!("{model} is int8 already: no --{flag}");
            }
            println!("Model        {model}: int8, {has}");
            (int8, None)
        }
    };
    println!("Digits       {} test images of {}", thousands(dataset.test.len()), dataset.origin);
    if int8.scheme() == Scheme::Dynamic {
        println!("Batches      {} at a time, each quantized as one tensor", images(args.batch as usize));
    }

    files::write(&args.out, &layers(&int8, dataset.test.images(), args.batch as usize)?)?;
    files::write(&parameters, &serde_json::to_vec_pretty(&parameters_of(&int8, seen))?)?;
    println!("Wrote        {} and {}", args.out.display(), parameters.display());
    Ok(())
}

fn images(count: usize) -> String {
    if count == 1 { "1 image".into() } else { format!("{} images", thousands(count)) }
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// The bytes of an `.npz` file with each step's output for all images, in batches of `batch`.
fn layers(int8: &QuantizedMlp, pixels: &[u8], batch: usize) -> anyhow::Result<Vec<u8>> {
    let bar = progress::bar(pixels.len() / PIXELS, "Tracing");
    let mut batches = Vec::new();
    for pixels in pixels.chunks(batch * PIXELS) {
        batches.push(int8.trace(Kernel::best(), pixels));
        bar.inc((pixels.len() / PIXELS) as u64);
    }
    bar.finish_and_clear();
    let mut npz = NpzWriter::new_compressed(Cursor::new(Vec::new()));
    for (index, step) in batches.first().context("no test images")?.iter().enumerate() {
        let values = batches.iter().map(|steps| &steps[index].values);
        match step.values {
            Values::Quantized(..) => add(&mut npz, step.name, values.filter_map(Values::as_integers))?,
            Values::Real(_) => add(&mut npz, step.name, values.filter_map(Values::as_reals))?,
        }
    }
    Ok(npz.finish()?.into_inner())
}

/// Adds one step's output over all batches as an array.
fn add<'a, T: WritableElement + Copy + 'a>(
    npz: &mut NpzWriter<Cursor<Vec<u8>>>,
    name: &str,
    batches: impl Iterator<Item = &'a Array2<T>>,
) -> anyhow::Result<()> {
    let batches: Vec<_> = batches.map(|batch| batch.view()).collect();
    Ok(npz.add_array(name, &concatenate(Axis(0), &batches)?)?)
}

/// The scales and zero points by layer, and what the observers saw if there were any.
fn parameters_of(int8: &QuantizedMlp, seen: Option<Observations>) -> Value {
    let mut layers: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for (number, layer) in (1..).zip(int8.layers()) {
        let scale = match &layer.weight_scale {
            WeightScale::PerTensor(scale) => json!(scale),
            WeightScale::PerChannel(scales) => json!(scales),
        };
        layers.entry(format!("linear{number}")).or_default().insert("weight_scale".into(), scale);
    }
    if let Activations::Static { input, outputs: [output1, output2, output3], .. } = int8.activations() {
        let activations =
            [("quant", input), ("linear1", output1), ("linear2", output2), ("linear3", output3)];
        for (name, QParams { scale, zero_point, .. }) in activations {
            let layer = layers.entry(name.into()).or_default();
            layer.insert("scale".into(), json!(scale));
            layer.insert("zero_point".into(), json!(zero_point));
        }
    }
    json!({ "scheme": int8.scheme().name(), "layers": layers, "observers": seen })
}
