//! Trains the float32 network.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use digit8_core::Kernel;
use digit8_core::augment::{Augmented, Shares};
use digit8_core::compare::{Confusion, logits};
use digit8_core::file::{Info, Model};
use digit8_core::float::{Mlp, Schedule, Settings, Source, Taught, train};
use digit8_core::hand::Hand;
use digit8_core::pens::Pens;
use ndarray::Array2;

use crate::terminal::{progress, thousands};
use crate::{chart, data, files};

/// Train the float32 network 784-h1-h2-10
///
/// Without flags it does what the notebook does: one epoch over MNIST in random batches of ten, Adam with a learning rate of
/// 0.001, cross-entropy. The same seed gives the same weights, bit for bit.
///
///   cargo xtask train
///   cargo xtask train --augment --drawn 0.2 --epochs 60 --batch 50 --schedule cosine --out out/drawings.safetensors
#[derive(clap::Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    source: data::Source,
    /// Where the model goes; the loss curve goes beside it, as .svg
    #[arg(long, value_name = "FILE", default_value = "out/model.safetensors")]
    out: PathBuf,
    /// Sizes of the two hidden layers
    #[arg(long, value_name = "H1,H2", default_value = "100,100", value_parser = hidden_sizes)]
    hidden: [usize; 2],
    /// Images in a batch
    #[arg(long, default_value = "10")]
    batch: NonZeroUsize,
    /// Times that every image is seen
    #[arg(long, default_value = "1")]
    epochs: NonZeroUsize,
    /// Where everything random starts from
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Adam's learning rate
    #[arg(long, default_value_t = 0.001, value_parser = learning_rate)]
    lr: f32,
    /// What becomes of the learning rate
    #[arg(long, value_enum, default_value_t = ScheduleName::Constant)]
    schedule: ScheduleName,
    /// Share of the target that is spread over all classes
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    smoothing: f32,
    /// How much of the weights' running average stays at each step, as in 0.999; the average is the trained network
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    average: f32,
    /// Shift, turn, scale, shear, thicken and thin the images, so that the network reads drawings
    #[arg(long)]
    augment: bool,
    #[command(flatten)]
    drawings: Drawings,
    /// Learn from a larger network's probabilities: a float32 model trained on the same digits
    #[arg(long, value_name = "FILE")]
    teacher: Option<PathBuf>,
    /// The share of each target that is the teacher's; the rest is the label's
    #[arg(long, value_name = "SHARE", default_value_t = 0.9, requires = "teacher", value_parser = share)]
    teaching: f32,
    /// Keep so many of the last training digits out, and measure with them too: to choose settings without looking at the test
    #[arg(long, value_name = "N", default_value_t = 0)]
    hold_out: usize,
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
        batch: args.batch.get(),
        epochs: args.epochs.get(),
        seed: args.seed,
        learning_rate: args.lr,
        schedule: match args.schedule {
            ScheduleName::Constant => Schedule::Constant,
            ScheduleName::Cosine => Schedule::Cosine,
        },
        smoothing: args.smoothing,
    };
    files::check_writable(&args.out)?;
    let dataset = args.source.load()?;
    println!("{}: {} digits to train with", dataset.origin, thousands(dataset.train.len()));
    let initial = match &args.init {
        Some(path) => match files::read_model(path)?.0 {
            Model::Float(mlp) => mlp,
            Model::Int8(_) => bail!("{} is quantized; --init needs a float32 model", path.display()),
        },
        None => Mlp::random(args.hidden, args.seed)?,
    };
    let order = args.order.as_deref().map(read_order).transpose()?;

    let augment = args.augment.then_some(args.drawn);
    let (mlp, losses) = train_with_progress(&initial, &dataset.train, &settings, augment, order.as_deref())?;

    let info = info(&mlp, &settings, augment, &dataset.title);
    files::write_model(&args.out, &Model::Float(mlp.clone()), &info)?;
    let curve = args.out.with_extension("svg");
    files::write(&curve, chart::loss_curve(&losses, losses.len() / settings.epochs).file().as_bytes())?;
    let mean = |losses: &[f32]| losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / losses.len() as f64;
    println!(
        "average loss of the last epoch {:.5}",
        mean(&losses[losses.len() - losses.len() / settings.epochs..])
    );
    let test = &dataset.test;
    let confusion =
        Confusion::count(&logits(&Model::Float(mlp), Kernel::best(), test.images()), test.labels());
    let (correct, total) = (confusion.correct(), confusion.total());
    println!("{correct} of {total} test digits right: {:.2} %", 100.0 * confusion.accuracy());
    if !dataset.official_test {
        println!("These digits are not MNIST's test set.");
    }
    println!("Wrote {} and {}", args.out.display(), curve.display());
    Ok(())
}

/// A share of all, 0 to 1.
fn share(text: &str) -> Result<f32, &'static str> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or("expected a number from 0 to 1")
}

fn learning_rate(text: &str) -> Result<f32, &'static str> {
    text.parse().ok().filter(|&rate: &f32| rate > 0.0 && rate.is_finite()).ok_or("expected a positive number")
}

fn hidden_sizes(text: &str) -> Result<[usize; 2], &'static str> {
    let sizes = text.split_once(',').and_then(|(h1, h2)| Some([h1.parse().ok()?, h2.parse().ok()?]));
    sizes.filter(|sizes| sizes.iter().all(|&size| size > 0)).ok_or("expected two sizes, as in 100,100")
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

/// What a trained model's file says of its origin.
pub fn info(mlp: &Mlp, settings: &Settings, augment: Option<f32>, digits: &str) -> Info {
    let [h1, h2] = mlp.hidden();
    let mut info = Info::new();
    let mut set = |name: &str, value: String| info.insert(name.into(), value);
    set("architecture", format!("784-{h1}-{h2}-10"));
    set("data", digits.into());
    set("digit8", env!("CARGO_PKG_VERSION").into());
    set("epochs", settings.epochs.to_string());
    set("batch", settings.batch.to_string());
    set("seed", settings.seed.to_string());
    set(
        "optimizer",
        format!("Adam, learning rate {} ({:?})", settings.learning_rate, settings.schedule).to_lowercase(),
    );
    set("loss", format!("cross-entropy, smoothing {}", settings.smoothing));
    set("augment", augment.is_some().to_string());
    set("drawn", augment.unwrap_or(0.0).to_string());
    info
}
