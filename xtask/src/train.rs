//! Trains the float32 network.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use digit8_core::Kernel;
use digit8_core::augment::Augmented;
use digit8_core::compare::{Confusion, logits};
use digit8_core::digits::Digits;
use digit8_core::file::{Info, Model};
use digit8_core::float::{Mlp, Schedule, Settings, train};
use ndarray::Array2;

use crate::terminal::progress;
use crate::{chart, data, files};

/// Train the float32 network 784-h1-h2-10
///
/// Without flags it does what the notebook does: one epoch over MNIST in random batches of ten, Adam with a learning rate of
/// 0.001, cross-entropy. The same seed gives the same weights, bit for bit.
///
///   cargo xtask train
///   cargo xtask train --augment --epochs 60 --batch 50 --schedule cosine --out out/default.safetensors
#[derive(clap::Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    source: data::Source,
    /// Where the model goes; the loss curve goes beside it, as .svg
    #[arg(long, value_name = "FILE", default_value = "out/model.safetensors")]
    out: PathBuf,
    /// Sizes of the two hidden layers
    #[arg(long, value_name = "H1,H2", default_value = "100,100", value_delimiter = ',', num_args = 1)]
    hidden: Vec<usize>,
    /// Images in a batch
    #[arg(long, default_value_t = 10)]
    batch: usize,
    /// Times that every image is seen
    #[arg(long, default_value_t = 1)]
    epochs: usize,
    /// Where everything random starts from
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Adam's learning rate
    #[arg(long, default_value_t = 0.001)]
    lr: f32,
    /// What becomes of the learning rate
    #[arg(long, value_enum, default_value_t = ScheduleName::Constant)]
    schedule: ScheduleName,
    /// Share of the target that is spread over all classes
    #[arg(long, default_value_t = 0.0)]
    smoothing: f32,
    /// Shift, turn, scale, shear, thicken and thin the images, so that the network reads drawings
    #[arg(long)]
    augment: bool,
    /// With --augment: the share of images that give way to digits drawn by rule, in the ways people write them
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, requires = "augment", value_parser = share)]
    drawn: f32,
    /// Start from the weights of this model instead of random ones
    #[arg(long, value_name = "FILE")]
    init: Option<PathBuf>,
    /// Take the batches of an epoch from `order` [steps, batch] in this .npz file instead of shuffling
    #[arg(long, value_name = "FILE")]
    order: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ScheduleName {
    /// It stays
    Constant,
    /// It falls to 0 along half a cosine
    Cosine,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let settings = Settings {
        batch: args.batch,
        epochs: args.epochs,
        seed: args.seed,
        learning_rate: args.lr,
        schedule: match args.schedule {
            ScheduleName::Constant => Schedule::Constant,
            ScheduleName::Cosine => Schedule::Cosine,
        },
        smoothing: args.smoothing,
    };
    let dataset = args.source.load()?;
    println!("{}: {} digits to train with", dataset.origin, dataset.train.len());
    let initial = match &args.init {
        Some(path) => match files::read_model(path)?.0 {
            Model::Float(mlp) => mlp,
            Model::Int8(_) => bail!("{} is quantized; --init needs a float32 model", path.display()),
        },
        None => {
            let hidden = args.hidden[..].try_into().context("--hidden takes two sizes, as in 100,100")?;
            Mlp::random(hidden, args.seed)?
        }
    };
    let order = args.order.as_deref().map(read_order).transpose()?;

    let (mlp, losses) = train_with_progress(
        &initial,
        &dataset.train,
        &settings,
        args.augment.then_some(args.drawn),
        order.as_deref(),
    )?;

    let info = info(&mlp, &settings, &args, &dataset.origin);
    files::write_model(&args.out, &Model::Float(mlp.clone()), &info)?;
    let curve = args.out.with_extension("svg");
    files::write(&curve, chart::loss_curve(&losses, losses.len() / args.epochs).as_bytes())?;
    let mean = |losses: &[f32]| losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / losses.len() as f64;
    println!(
        "average loss of the last epoch {:.5}",
        mean(&losses[losses.len() - losses.len() / args.epochs..])
    );
    let test = &dataset.test;
    let confusion =
        Confusion::count(&logits(&Model::Float(mlp), Kernel::best(), test.images()), test.labels());
    let (correct, total) = (confusion.correct(), confusion.total());
    println!("{correct} of {total} test digits right: {:.2} %", 100.0 * confusion.accuracy());
    if !dataset.official_test {
        println!("These digits are not MNIST's test set.");
    }
    println!("wrote {} and {}", args.out.display(), curve.display());
    Ok(())
}

/// A share of all, 0 to 1.
fn share(text: &str) -> Result<f32, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a number from 0 to 1".into())
}

/// Trains under a progress bar; also gives the loss of every step. `augment` is the share of digits drawn by rule.
pub fn train_with_progress(
    initial: &Mlp,
    digits: &Digits,
    settings: &Settings,
    augment: Option<f32>,
    order: Option<&[Vec<usize>]>,
) -> anyhow::Result<(Mlp, Vec<f32>)> {
    let bar = progress(0, "Training");
    let mut losses = Vec::new();
    let mut running = 0.0;
    let mut report = |progress: digit8_core::float::Progress| {
        // The average over about a hundred steps, without their number at the start.
        let weight = (1.0 / progress.step as f32).max(0.01);
        running += weight * (progress.loss - running);
        losses.push(progress.loss);
        if progress.step.is_multiple_of(50) || progress.step == progress.steps {
            bar.set_length(progress.steps as u64);
            bar.set_position(progress.step as u64);
            bar.set_message(format!("Training, loss {running:.4}"));
        }
    };
    let kernel = Kernel::best();
    let labels = digits.labels();
    let mlp = match augment {
        Some(drawn) => {
            let source = Augmented::new(digits, settings.seed, drawn);
            train(initial, kernel, &source, labels, settings, order, &mut report)?
        }
        None => train(initial, kernel, digits, labels, settings, order, &mut report)?,
    };
    bar.finish_and_clear();
    Ok((mlp, losses))
}

/// The batches of an epoch from a NumPy archive.
fn read_order(path: &Path) -> anyhow::Result<Vec<Vec<usize>>> {
    let bytes = files::read(path)?;
    let mut archive = ndarray_npy::NpzReader::new(std::io::Cursor::new(bytes))
        .with_context(|| format!("{} is no .npz file", path.display()))?;
    let order: Array2<u16> = archive
        .by_name("order")
        .with_context(|| format!("{}: expected `order`, two dimensions of uint16", path.display()))?;
    Ok(order.rows().into_iter().map(|row| row.iter().map(|&index| usize::from(index)).collect()).collect())
}

fn info(mlp: &Mlp, settings: &Settings, args: &Args, origin: &str) -> Info {
    let [h1, h2] = mlp.hidden();
    let mut info = Info::new();
    let mut set = |name: &str, value: String| info.insert(name.into(), value);
    set("architecture", format!("784-{h1}-{h2}-10"));
    set("data", origin.into());
    set("digit8", env!("CARGO_PKG_VERSION").into());
    set("epochs", settings.epochs.to_string());
    set("batch", settings.batch.to_string());
    set("seed", settings.seed.to_string());
    set(
        "optimizer",
        format!("Adam, learning rate {} ({:?})", settings.learning_rate, settings.schedule).to_lowercase(),
    );
    set("loss", format!("cross-entropy, smoothing {}", settings.smoothing));
    set("augment", args.augment.to_string());
    set("drawn", args.drawn.to_string());
    info
}
