//! What each part of the training with drawings is worth: short trainings without it.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use digit8_core::Kernel;
use digit8_core::augment::{Augmented, Shares};
use digit8_core::compare::{Confusion, logits};
use digit8_core::digits::Digits;
use digit8_core::file::Model;
use digit8_core::float::{Mlp, Schedule, Settings, train};
use digit8_core::hand::{Hand, upright};
use digit8_core::pens::{Drawing, Pens};
use digit8_core::stroke::Point;
use digit8_data::{Source, pendigits, strokes};
use digit8_host::progress;
use digit8_host::terminal::{table_of, thousands};
use digit8_report::interval::mean_of_repetitions;

/// Find out what each part of the training with drawings is worth
///
/// Trains small networks of the shipped shape with everything, and with one thing left out at a time, several times each, and
/// reads digits and drawings with them that none was trained with. The trainings are short: what counts is how the rows
/// differ, not how good they are. Each number is a mean with its interval of 95 % over the seeds (Student's t).
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// The drawings to train with [default: what `data --strokes` fetches]
    #[arg(long, value_name = "FILE", requires = "choose_by")]
    strokes_file: Option<PathBuf>,
    /// The drawings to measure with, by other writers
    #[arg(long, value_name = "FILE", requires = "strokes_file")]
    choose_by: Option<PathBuf>,
    /// Training digits; the last 5,000 of the data set are measured with
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    digits: usize,
    /// Times that every image is seen
    #[arg(long, default_value = "10")]
    epochs: NonZeroUsize,
    /// Repetitions, 2 to 5
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(2..=5))]
    seeds: u64,
}

/// Training digits that are only measured with.
const HELD_OUT: usize = 5000;

/// The shipped network's.
const WEIGHT_DECAY: f32 = 0.1;

/// A way to train.
struct Way {
    name: &'static str,
    shares: Shares,
    hand: Hand,
}

/// What is trained: everything, as the shipped network was, and everything but one thing.
fn ways() -> Vec<Way> {
    let (shares, hand) = (Shares { drawn: 0.05, pens: 0.15, others: 0.07, plain: 0.0 }, Hand::default());
    let way = |name, shares, hand| Way { name, shares, hand };
    vec![
        way("images alone", Shares::default(), hand),
        way("everything", shares, hand),
        way("without digits by rule", Shares { drawn: 0.0, pens: 0.2, ..shares }, hand),
        way("without people's strokes", Shares { drawn: 0.2, pens: 0.0, ..shares }, hand),
        way("without slant", shares, Hand { slant: 0.0, ..hand }),
        way("deskewed", shares, Hand { deskew: true, ..hand }),
        way("without stretching", shares, Hand { stretch: 1.0, ..hand }),
        way("without other pens", shares, Hand { pen: 1.0, ..hand }),
        way("without unsteadiness", shares, Hand { unsteady: false, ..hand }),
        way("without letters and shapes", Shares { others: 0.0, ..shares }, hand),
    ]
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<()> {
    let (train_with, choose_by) = match (&args.strokes_file, &args.choose_by) {
        (Some(train), Some(choose)) => (strokes::read(train)?, strokes::read(choose)?),
        _ => strokes::halves(pendigits::find(false, None)?),
    };
    let dataset = args.source.load()?;
    let (rest, held_out) = dataset.train.split_last(HELD_OUT)?;
    let digits = rest.first(args.digits);
    println!(
        "{}; {} of them train, {} others and {} are read",
        dataset.origin,
        thousands(digits.len()),
        thousands(held_out.len()),
        strokes::count(&choose_by)
    );
    let pens = Pens::new(train_with)?;
    let ways = ways();
    let bar = progress::bar(ways.len() * args.seeds as usize, "Training");
    let mut rows = Vec::new();
    for Way { name, shares, hand } in ways {
        let mut measured = [const { Vec::new() }; 5];
        for seed in 0..args.seeds {
            let settings = Settings {
                batch: 50,
                epochs: args.epochs.get(),
                seed,
                learning_rate: 0.002,
                schedule: Schedule::Cosine,
                smoothing: 0.0,
                weight_decay: WEIGHT_DECAY,
                average: 0.0,
            };
            let source = Augmented::new(&digits, Some(&pens), seed, shares, hand);
            let mlp = train(
                &Mlp::random([100, 100], seed)?,
                Kernel::best(),
                &source,
                &settings,
                None,
                &mut |_| (),
            )?;
            let model = Model::Float(mlp);
            for (values, value) in
                measured.iter_mut().zip(measure(&model, &held_out, &choose_by, hand.deskew)?)
            {
                values.push(value);
            }
            bar.inc(1);
        }
        let mean = measured.map(|values| {
            let [mean, half] = mean_of_repetitions(&values);
            format!("{mean:.2} ± {half:.2}")
        });
        rows.push(std::iter::once(name.to_string()).chain(mean).collect());
    }
    bar.finish_and_clear();
    let headings = [
        "trained with",
        "digits kept out",
        "drawings",
        "slanted by ±30°",
        "a third as wide",
        "three times as wide",
    ];
    println!(
        "\nRead right, %, mean of {} seeds\n\n{}",
        args.seeds,
        table_of(headings.map(str::to_owned).to_vec(), rows)
    );
    Ok(())
}

/// The shares read right of digits, and of drawings as they are and changed, in per cent.
fn measure(model: &Model, digits: &Digits, drawings: &[Drawing], deskew: bool) -> anyhow::Result<[f64; 5]> {
    let right = |digits: &Digits| {
        100.0 * Confusion::count(&logits(model, Kernel::best(), digits.images()), digits.labels()).accuracy()
    };
    let changed = |slant: f32, width: f32| -> anyhow::Result<f64> {
        let change =
            |point: &Point| Point { x: width * (point.x - slant.to_radians().tan() * point.y), ..*point };
        let changed = drawings.iter().map(|drawing| {
            let mut drawing = drawing.clone();
            drawing.strokes.iter_mut().flatten().for_each(|point| *point = change(point));
            if deskew {
                upright(&mut drawing.strokes);
            }
            drawing
        });
        Ok(right(&strokes::images(&changed.collect::<Vec<_>>(), |point| point)?))
    };
    Ok([
        right(digits),
        changed(0.0, 1.0)?,
        (changed(-30.0, 1.0)? + changed(30.0, 1.0)?) / 2.0,
        changed(0.0, 1.0 / 3.0)?,
        changed(0.0, 3.0)?,
    ])
}
