//! Converts a float model to int8.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use digit8_core::Kernel;
use digit8_core::compare::{Confusion, logits};
use digit8_core::digits::Digits;
use digit8_core::file::{Info, Model};
use digit8_core::float::Mlp;
use digit8_core::int8::{Activations, QuantizedLinear, QuantizedMlp, Scheme};
use digit8_core::quant::{self, Calibration, Granularity, Observations, QParams, WeightScale};

use crate::data::{Dataset, Source};
use crate::files;
use crate::terminal::{Table, progress, table, thousands};

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

/// How to quantize: flags that every command which quantizes has.
#[derive(clap::Args, Clone, Debug)]
pub struct Recipe {
    /// A weight scale for each output channel, instead of one for each matrix
    #[arg(long)]
    pub per_channel: bool,
    /// The set whose first images calibrate; the reference notebook takes the test set
    #[arg(long, value_enum, default_value = "test", value_name = "SET")]
    pub calibrate: Set,
    /// The number of images that calibrate [default: all]
    #[arg(long, value_name = "N")]
    pub samples: Option<usize>,
    /// Take minima and maxima from a JSON file instead: {"quant": {"min": …, "max": …}, "linear1": …, …}
    #[arg(long, value_name = "FILE", conflicts_with = "samples")]
    pub observers: Option<PathBuf>,
}

/// A part of the dataset.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Set {
    /// The test images
    Test,
    /// The training images
    Train,
}

/// Accepts the schemes' names, and lists them in the help.
pub fn scheme_parser() -> impl TypedValueParser<Value = Scheme> {
    PossibleValuesParser::new(Scheme::ALL.map(Scheme::name)).try_map(|name| name.parse::<Scheme>())
}

impl Recipe {
    /// Whether a weight matrix has one scale, or one for each channel.
    pub fn granularity(&self) -> Granularity {
        if self.per_channel { Granularity::PerChannel } else { Granularity::PerTensor }
    }

    /// Quantizes a network, and says what the observers saw if the scheme has any.
    pub fn quantize(
        &self,
        mlp: &Mlp,
        scheme: Scheme,
        dataset: &Dataset,
    ) -> anyhow::Result<(QuantizedMlp, Option<Observations>)> {
        let has_use = self.observers.is_none() || scheme != Scheme::Dynamic;
        ensure!(has_use, "--observers has no use in the dynamic scheme");
        let calibration = Calibration::of(scheme, || self.observe(mlp, scheme, dataset))?;
        Ok((quant::quantize(mlp, calibration, self.granularity())?, calibration.observations()))
    }

    fn observe(&self, mlp: &Mlp, scheme: Scheme, dataset: &Dataset) -> anyhow::Result<Observations> {
        if let Some(path) = &self.observers {
            return read_observers(path).with_context(|| path.display().to_string());
        }
        let digits = self.samples_of(dataset);
        ensure!(!digits.is_empty(), "no images to calibrate with: --samples must be at least 1");
        let bar = progress(digits.len(), "Calibrating");
        let seen =
            quant::calibrate(mlp, Kernel::best(), scheme, digits.images(), |done| bar.inc(done as u64))?;
        bar.finish_and_clear();
        Ok(seen)
    }

    fn samples_of(&self, dataset: &Dataset) -> Digits {
        let digits = match self.calibrate {
            Set::Test => &dataset.test,
            Set::Train => &dataset.train,
        };
        digits.first(self.samples.unwrap_or(digits.len()))
    }

    /// Where the observers' minima and maxima come from, in words.
    pub fn origin(&self, scheme: Scheme, dataset: &Dataset) -> String {
        match (scheme, &self.observers) {
            (Scheme::Dynamic, _) => "none: each batch by its own range".into(),
            // The name alone: it goes into the model's metadata, where a path would tell others of this machine.
            (_, Some(path)) => {
                let name = path.file_name().unwrap_or(path.as_os_str());
                format!("minima and maxima from {}", name.display())
            }
            (_, None) => {
                let set = match self.calibrate {
                    Set::Test => "test",
                    Set::Train => "training",
                };
                let count = thousands(self.samples_of(dataset).len());
                format!("the first {count} {set} images of {}", dataset.title)
            }
        }
    }
}

/// The minima and maxima in a JSON file.
fn read_observers(path: &Path) -> anyhow::Result<Observations> {
    let seen: Observations =
        serde_json::from_slice(&files::read(path)?).context("expected minima and maxima by layer")?;
    for (name, range) in [
        ("quant", seen.quant),
        ("linear1", seen.linear1),
        ("linear2", seen.linear2),
        ("linear3", seen.linear3),
    ] {
        QParams::affine(name, range)?;
    }
    Ok(seen)
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let Args { model: path, scheme, recipe, source, out } = args;
    let (model, info) = files::read_model(&path)?;
    let Model::Float(mlp) = &model else {
        bail!("{} is an int8 model already, expected a float32 model", path.display());
    };
    let out = out.unwrap_or_else(|| default_out(&path, scheme, &recipe));
    files::check_writable(&out)?;
    let dataset = source.load()?;
    let [hidden1, hidden2] = mlp.hidden();
    println!("Model        {}: float32, 784-{hidden1}-{hidden2}-10", path.display());
    println!("Digits       {}", dataset.origin);
    println!("Calibration  {}\n", recipe.origin(scheme, &dataset));

    let (int8, seen) = recipe.quantize(mlp, scheme, &dataset)?;
    if let Some(seen) = &seen {
        println!("{}\n", activations_table(seen, int8.activations()).text());
    }
    println!("{}\n", weights_table(&int8).text());

    let int8 = Model::Int8(int8);
    let info = int8_info(info, &recipe, scheme, &dataset);
    files::write_model(&out, &int8, &info)?;

    let (before, after) = (file_size(&path)?, file_size(&out)?);
    println!("{}", comparison_table(&model, &int8, [before, after], &dataset.test));
    if !dataset.official_test {
        println!("These digits are not MNIST's test set.");
    }
    println!("\nWrote {}", out.display());
    Ok(())
}

/// What the observers saw, and the parameters that follow from it.
pub fn activations_table(seen: &Observations, activations: &Activations) -> Table<5> {
    const HEADINGS: [&str; 5] = ["activations", "observed min", "observed max", "scale", "zero point"];
    let Activations::Static { input, outputs, .. } = activations else { return Table::new(HEADINGS, []) };
    let [output1, output2, output3] = outputs;
    let rows = [
        ("quant", seen.quant, input),
        ("linear1", seen.linear1, output1),
        ("linear2", seen.linear2, output2),
        ("linear3", seen.linear3, output3),
    ];
    Table::new(
        HEADINGS,
        rows.map(|(name, range, qparams)| {
            [
                name.into(),
                range.min.to_string(),
                range.max.to_string(),
                qparams.scale.to_string(),
                qparams.zero_point.to_string(),
            ]
        }),
    )
}

/// The scales of the weights, and the integers they lead to.
pub fn weights_table(int8: &QuantizedMlp) -> Table<5> {
    let row = |(number, layer): (usize, &QuantizedLinear)| {
        let (outputs, inputs) = layer.weight.dim();
        let scales = match &layer.weight_scale {
            WeightScale::PerTensor(scale) => scale.to_string(),
            WeightScale::PerChannel(scales) => {
                let least = scales.iter().map(|scale| scale.get()).fold(f32::INFINITY, f32::min);
                let greatest = scales.iter().map(|scale| scale.get()).fold(0.0, f32::max);
                format!("{least} to {greatest}")
            }
        };
        let least = layer.weight.iter().min().copied().unwrap_or(0);
        let greatest = layer.weight.iter().max().copied().unwrap_or(0);
        [
            format!("linear{number}"),
            format!("{outputs} × {inputs}"),
            scales,
            least.to_string(),
            greatest.to_string(),
        ]
    };
    Table::new(
        ["weights", "shape", "scale", "least integer", "greatest integer"],
        (1..).zip(int8.layers()).map(row),
    )
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

fn default_out(model: &Path, scheme: Scheme, recipe: &Recipe) -> PathBuf {
    let stem = model.file_stem().unwrap_or_default().to_string_lossy();
    let channels = if recipe.per_channel { "-per-channel" } else { "" };
    model.with_file_name(format!("{stem}-{scheme}{channels}.safetensors"))
}

/// What a quantized model's file says of its origin, beyond what the float model's says.
pub fn int8_info(mut info: Info, recipe: &Recipe, scheme: Scheme, dataset: &Dataset) -> Info {
    info.insert("calibration".into(), recipe.origin(scheme, dataset));
    info.insert("digit8".into(), env!("CARGO_PKG_VERSION").into());
    info
}

fn file_size(path: &Path) -> anyhow::Result<usize> {
    let metadata = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(metadata.len() as usize)
}
