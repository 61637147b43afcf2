//! Trains the float32 network.

use std::iter;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use digit8_core::Kernel;
use digit8_core::augment::{Augmented, Shares};
use digit8_core::compare::{Confusion, logits};
use digit8_core::digits::Digits;
use digit8_core::file::{Info, Model};
use digit8_core::float::{self, Mlp, Progress, Schedule, Settings, Taught, train};
use digit8_core::hand::Hand;
use digit8_core::pens::Pens;
use digit8_core::verdict;

use digit8_data::{Source, model, order, strokes};
use digit8_host::files;
use digit8_host::progress::TrainingBar;
use digit8_host::terminal::thousands;
use digit8_report::chart;

/// Train the float32 network 784-h1-h2-10
///
/// Without flags it does what the notebook does: one epoch over MNIST in random batches of ten, Adam with a learning rate of
/// 0.001, cross-entropy. The same seed gives the same weights, bit for bit.
///
///   digit8 train
///   digit8 train --augment --drawn 0.1 --strokes 0.3 --others 0.1 --epochs 60 --batch 50 --schedule cosine
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
    /// How much the weights shrink at each step, as a share of the learning rate (AdamW)
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = decay)]
    weight_decay: f32,
    /// How much of the weights' running average stays at each step, as in 0.999; the average is the trained network
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    average: f32,
    /// Set weights to 0 that are smaller than this share of the greatest of their layer, when training is done: the int8 file gets smaller
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    prune: f32,
    /// Shift, turn, scale, shear, distort, thicken and thin the images, so that the network reads drawings
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
    /// The least probability that is believed, for the model's file; `eval --reject` shows what it refuses and lets through
    #[arg(long, value_name = "SHARE", value_parser = share)]
    sure: Option<f32>,
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
        weight_decay: args.weight_decay,
        average: args.average,
    };
    // Beside a device or a pipe there is no place for the curve.
    let curve = files::sibling(&args.out, "safetensors", ".svg");
    let outputs: Vec<&Path> = iter::once(&args.out).chain(&curve).map(PathBuf::as_path).collect();
    let inputs: Vec<&Path> = args.init.iter().chain(&args.order).map(PathBuf::as_path).collect();
    files::check_outputs(&outputs, &inputs)?;
    let (initial, before) = match &args.init {
        Some(path) => {
            let stored = model::read_float(path)?;
            (stored.model, Some(stored.info))
        }
        None => (Mlp::random(args.hidden, args.seed)?, None),
    };
    let order = args.order.as_deref().map(order::read).transpose()?;
    let dataset = args.source.load()?;
    println!("{}: {} digits to train with", dataset.origin, thousands(dataset.train.len()));

    let (digits, held_out) = dataset.train.split_last(args.hold_out)?;
    let (kernel, order) = (Kernel::best(), order.as_deref());
    let pens = args.drawings.pens()?;
    let augmented = args.augment.then(|| {
        Augmented::new(&digits, pens.as_ref(), args.seed, args.drawings.shares(), args.drawings.hand())
    });
    let images: &dyn float::Source = augmented.as_ref().map_or(&digits, |augmented| augmented);
    let teacher = args.teacher.as_deref().map(model::read_float).transpose()?;
    let taught = teacher.map(|teacher| Taught::new(images, &teacher.model, kernel, args.teaching));
    let images = taught.as_ref().map_or(images, |taught| taught);

    let mut bar = TrainingBar::new();
    let mut step = |progress: Progress| bar.step(progress.step, progress.steps, progress.loss);
    let mlp = train(&initial, kernel, images, &settings, order, &mut step)?.pruned(args.prune);
    let losses = bar.finish();

    let mut info = model::trained_info(&mlp, &settings, &dataset.title);
    args.describe(pens.as_ref(), before.as_ref(), &mut info);
    let model = Model::Float(mlp);
    model::write(&args.out, &model, &info)?;
    if let Some(curve) = &curve {
        files::write(curve, chart::loss_curve(&losses, losses.len() / settings.epochs).file().as_bytes())?;
    }
    let mean = |losses: &[f32]| losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / losses.len() as f64;
    println!(
        "average loss of the last epoch {:.5}",
        mean(&losses[losses.len() - losses.len() / settings.epochs..])
    );
    if !held_out.is_empty() {
        println!("{}", right_of(&model, &held_out, "training digits that were kept out"));
    }
    println!("{}", right_of(&model, &dataset.test, "test digits"));
    if !dataset.official_test {
        println!("These digits are not MNIST's test set.");
    }
    let written: Vec<_> = outputs.iter().map(|path| path.display().to_string()).collect();
    println!("Wrote {}", written.join(" and "));
    Ok(())
}

/// How many of `digits`, which are `what`, a model reads right.
fn right_of(model: &Model, digits: &Digits, what: &str) -> String {
    let confusion = Confusion::count(&logits(model, Kernel::best(), digits.images()), digits.labels());
    let (correct, total) = (confusion.correct(), confusion.total());
    format!("{correct} of {total} {what} right: {:.2} %", 100.0 * confusion.accuracy())
}

impl Args {
    /// Adds what this training was made of to the file's metadata.
    fn describe(&self, pens: Option<&Pens>, before: Option<&Info>, info: &mut Info) {
        let mut set = |name: &str, value: String| info.insert(name.into(), value);
        set("augment", self.augment.to_string());
        set("drawn", self.drawings.drawn.to_string());
        if let Some(pens) = pens {
            let source = strokes::TITLE;
            set("strokes", format!("{} of {} drawings, {source}", self.drawings.strokes, pens.count()));
        }
        if self.drawings.others > 0.0 {
            set("others", self.drawings.others.to_string());
        }
        if let Some(before) = before {
            let known =
                ["epochs", "optimizer"].map(|name| before.get(name).map_or("unknown", String::as_str));
            set("before", format!("{} epochs, {}", known[0], known[1]));
        }
        if self.drawings.plain > 0.0 {
            set("plain", self.drawings.plain.to_string());
        }
        if self.prune > 0.0 {
            set("prune", self.prune.to_string());
        }
        if self.teacher.is_some() {
            set("teaching", self.teaching.to_string());
        }
        if let Some(sure) = self.sure {
            set(verdict::METADATA, sure.to_string());
        }
        if self.weight_decay > 0.0 {
            set("weight_decay", self.weight_decay.to_string());
        }
        if self.average > 0.0 {
            set("average", self.average.to_string());
        }
    }
}

/// What images give way to, with --augment: shares of all images, and how hands vary.
#[derive(clap::Args, Debug)]
struct Drawings {
    /// The share of images that give way to digits drawn by rule, in the ways people write them
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, requires = "augment", value_parser = share)]
    drawn: f32,
    /// The share of images that give way to people's pen strokes, varied as pens and hands are
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, requires = "augment", value_parser = share)]
    strokes: f32,
    /// The drawings for --strokes: one JSON object a line, compressed or not, or UCI's pendigits-orig.tra
    /// [default: what `data --strokes` fetches]
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    strokes_file: Option<PathBuf>,
    /// The share of images that give way to letters, shapes and scribbles, whose target is no digit
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, requires = "augment", value_parser = share)]
    others: f32,
    /// Of the data set's images that are left, the share that is shown as it is
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, requires = "augment", value_parser = share)]
    plain: f32,
    /// How far drawings are slanted, either way, in degrees
    #[arg(long, value_name = "DEGREES", default_value_t = Hand::default().slant, value_parser = slant)]
    slant: f32,
    /// By which factor drawings get wider or narrower, at most
    #[arg(long, value_name = "FACTOR", default_value_t = Hand::default().stretch, value_parser = factor)]
    stretch: f32,
    /// By which factor pens get wider or narrower, at most
    #[arg(long, value_name = "FACTOR", default_value_t = Hand::default().pen, value_parser = factor)]
    pen: f32,
    /// Leave strokes whole and straight: only slant, stretch and pen vary
    #[arg(long)]
    steady: bool,
}

impl Drawings {
    fn shares(&self) -> Shares {
        Shares { drawn: self.drawn, pens: self.strokes, others: self.others, plain: self.plain }
    }

    fn hand(&self) -> Hand {
        Hand {
            slant: self.slant,
            stretch: self.stretch,
            pen: self.pen,
            unsteady: !self.steady,
            deskew: false,
        }
    }

    /// The drawings to train with, if any are asked for.
    fn pens(&self) -> anyhow::Result<Option<Pens>> {
        let read = || Ok(Pens::new(strokes::to_train(self.strokes_file.as_deref())?)?);
        (self.strokes > 0.0).then(read).transpose()
    }
}

/// A share of all, 0 to 1.
fn share(text: &str) -> Result<f32, &'static str> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or("expected a number from 0 to 1")
}

/// A slant that leaves something to see, in degrees.
fn slant(text: &str) -> Result<f32, &'static str> {
    text.parse().ok().filter(|slant| (0.0..=60.0).contains(slant)).ok_or("expected 0 to 60 degrees")
}

/// A factor and its inverse, between which something varies.
fn factor(text: &str) -> Result<f32, &'static str> {
    text.parse().ok().filter(|factor| (1.0..=10.0).contains(factor)).ok_or("expected a factor from 1 to 10")
}

fn learning_rate(text: &str) -> Result<f32, &'static str> {
    text.parse().ok().filter(|&rate: &f32| rate > 0.0 && rate.is_finite()).ok_or("expected a positive number")
}

fn decay(text: &str) -> Result<f32, &'static str> {
    text.parse().ok().filter(|decay| (0.0..=100.0).contains(decay)).ok_or("expected 0 to 100")
}

fn hidden_sizes(text: &str) -> Result<[usize; 2], &'static str> {
    let sizes = text.split_once(',').and_then(|(h1, h2)| Some([h1.parse().ok()?, h2.parse().ok()?]));
    sizes.filter(|sizes| sizes.iter().all(|&size| size > 0)).ok_or("expected two sizes, as in 100,100")
}
