//! Trains the float32 network.

use std::iter;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use digit8_core::Kernel;
use digit8_core::augment::Augmented;
use digit8_core::compare::{Confusion, logits};
use digit8_core::file::Model;
use digit8_core::float::{Mlp, Progress, Schedule, Settings, train};

use digit8_data::{Source, model, order};
use digit8_host::files;
use digit8_host::terminal::{TrainingBar, thousands};
use digit8_report::chart;

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
    source: Source,
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
    // Beside a device or a pipe there is no place for the curve.
    let curve = files::sibling(&args.out, "safetensors", ".svg");
    let outputs: Vec<&Path> = iter::once(&args.out).chain(&curve).map(PathBuf::as_path).collect();
    let inputs: Vec<&Path> = args.init.iter().chain(&args.order).map(PathBuf::as_path).collect();
    files::check_outputs(&outputs, &inputs)?;
    let initial = match &args.init {
        Some(path) => model::read_float(path)?.model,
        None => Mlp::random(args.hidden, args.seed)?,
    };
    let order = args.order.as_deref().map(order::read).transpose()?;
    let dataset = args.source.load()?;
    println!("{}: {} digits to train with", dataset.origin, thousands(dataset.train.len()));
    let augment = args.augment.then_some(args.drawn);
    let (digits, kernel, order) = (&dataset.train, Kernel::best(), order.as_deref());
    let mut bar = TrainingBar::new();
    let mut step = |progress: Progress| bar.step(progress.step, progress.steps, progress.loss);
    let mlp = match augment {
        Some(drawn) => {
            let source = Augmented::new(digits, settings.seed, drawn);
            train(&initial, kernel, &source, digits.labels(), &settings, order, &mut step)?
        }
        None => train(&initial, kernel, digits, digits.labels(), &settings, order, &mut step)?,
    };
    let losses = bar.finish();

    let info = model::trained_info(&mlp, &settings, augment, &dataset.title);
    model::write(&args.out, &Model::Float(mlp.clone()), &info)?;
    if let Some(curve) = &curve {
        files::write(curve, chart::loss_curve(&losses, losses.len() / settings.epochs).file().as_bytes())?;
    }
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
    let written: Vec<_> = outputs.iter().map(|path| path.display().to_string()).collect();
    println!("Wrote {}", written.join(" and "));
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
