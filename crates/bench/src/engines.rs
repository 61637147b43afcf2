//! What digit8 has to time: its engines on every kernel, and training.

use std::hint::black_box;
use std::rc::Rc;
use std::time::Instant;

use digit8_core::Kernel;
use digit8_core::compare::Confusion;
use digit8_core::digits::{CLASSES, Digits, PIXELS};
use digit8_core::float::{FloatEngine, Mlp, Schedule, Settings, train};
use digit8_core::int8::{Int8Engine, QuantizedMlp, Scheme};
use digit8_core::quant::recipe::Set;
use digit8_data::{Dataset, RecipeFlags};

use super::report::Row;
use super::sampler::{Bench, Time};
use digit8_report::machine::all_threads;

/// The images of a call.
pub const BATCHES: [usize; 3] = [1, 64, 10_000];
/// Small batches go through this many images again and again, so that no kernel gets to know one image by heart, and yet
/// the images stay in L2.
pub const CYCLE: usize = 256;
/// The images of a step of training.
pub const TRAINING_BATCH: usize = 10;

/// The network in float32 and in every scheme.
pub struct Models {
    /// The float32 network.
    pub float: Mlp,
    /// Its quantizations.
    pub int8: Vec<QuantizedMlp>,
}

impl Models {
    /// A network and its quantizations by PyTorch's recipe, calibrated with training digits.
    pub fn new(float: Mlp, dataset: &Dataset) -> anyhow::Result<Self> {
        let mut int8 = Vec::new();
        for scheme in Scheme::ALL {
            int8.push(RecipeFlags::pytorch(scheme, Set::Train).quantize(&float, dataset)?.int8);
        }
        Ok(Self { float, int8 })
    }
}

/// An engine with one of the models in it.
#[derive(Clone)]
enum Engine {
    Float(Box<FloatEngine>),
    Int8(Box<Int8Engine>),
}

impl Engine {
    fn logits(&mut self, threads: usize, pixels: &[u8], logits: &mut [f32]) {
        match (self, threads) {
            (Engine::Float(engine), 1) => engine.logits(pixels, logits),
            (Engine::Float(engine), _) => engine.logits_parallel(pixels, logits),
            (Engine::Int8(engine), 1) => engine.logits(pixels, logits),
            (Engine::Int8(engine), _) => engine.logits_parallel(pixels, logits),
        }
    }
}

/// Whole inferences: on each of these kernels in every batch size on one thread, and the largest batch on all threads.
pub fn inferences(models: &Models, digits: &Rc<Digits>, kernels: &[Kernel]) -> Vec<Bench> {
    let mut benches = Vec::new();
    for &kernel in kernels {
        let int8 = models
            .int8
            .iter()
            .map(|model| (model.scheme().name(), Engine::Int8(Box::new(model.engine(kernel)))));
        let engines =
            [("float32", Engine::Float(Box::new(models.float.engine(kernel))))].into_iter().chain(int8);
        for (model, engine) in engines {
            for batch in BATCHES {
                benches.push(inference(kernel, model, batch, 1, digits, engine.clone()));
            }
            if all_threads() > 1 {
                benches.push(inference(kernel, model, BATCHES[2], all_threads(), digits, engine));
            }
        }
    }
    benches
}

fn inference(
    kernel: Kernel,
    model: &str,
    batch: usize,
    threads: usize,
    digits: &Rc<Digits>,
    mut engine: Engine,
) -> Bench {
    let mut logits = vec![0.0; digits.len() * CLASSES];
    for (pixels, logits) in digits.images().chunks(batch * PIXELS).zip(logits.chunks_mut(batch * CLASSES)) {
        engine.logits(threads, pixels, logits);
    }
    let row = Row {
        engine: engine_name(kernel),
        model: model.into(),
        batch,
        threads,
        correct: Some(Confusion::count(&logits, digits.labels()).correct() as usize),
        classified: Some(digits.len()),
        ..Row::default()
    };
    let digits = Rc::clone(digits);
    logits.truncate(batch * CLASSES);
    let time = cycle(batch, move |first| {
        let pixels = &digits.images()[first * PIXELS..][..batch * PIXELS];
        engine.logits(threads, black_box(pixels), &mut logits);
        black_box(&mut logits);
    });
    Bench { row, per_run: batch as f64, time }
}

/// An epoch of training on every kernel.
pub fn trainings(mlp: &Mlp, digits: &Rc<Digits>) -> Vec<Bench> {
    let training = |kernel| {
        let row = Row {
            engine: engine_name(kernel),
            model: "train".into(),
            batch: TRAINING_BATCH,
            threads: 1,
            ..Row::default()
        };
        let (mlp, digits) = (mlp.clone(), Rc::clone(digits));
        let time: Time = Box::new(move |epochs| {
            let settings = Settings {
                batch: TRAINING_BATCH,
                epochs: epochs as usize,
                seed: 0,
                learning_rate: 0.001,
                schedule: Schedule::Constant,
                smoothing: 0.0,
                weight_decay: 0.0,
                average: 0.0,
            };
            let start = Instant::now();
            black_box(train(&mlp, kernel, &*digits, &settings, None, &mut |_| ())?);
            Ok(start.elapsed())
        });
        Bench { row, per_run: 1.0, time }
    };
    Kernel::available().into_iter().map(training).collect()
}

/// The engine's name in the rows of a kernel.
pub fn engine_name(kernel: Kernel) -> String {
    if kernel == Kernel::best() { "digit8".into() } else { format!("digit8 {}", kernel.name()) }
}

/// Calls `run` with the first image of one batch after the other.
pub fn cycle(batch: usize, mut run: impl FnMut(usize) + 'static) -> Time {
    let end = CYCLE.max(batch) / batch * batch;
    let mut first = 0;
    Box::new(move |runs| {
        let start = Instant::now();
        for _ in 0..runs {
            run(first);
            first = if first + batch < end { first + batch } else { 0 };
        }
        Ok(start.elapsed())
    })
}
