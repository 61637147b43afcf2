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

use super::report::{NOISE, Row};
use super::sampler::{Bench, Time};
use super::work;
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

/// One of the models on a kernel.
#[derive(Clone)]
enum Engine<'a> {
    Float(&'a Mlp, Box<FloatEngine>),
    Int8(&'a QuantizedMlp, Box<Int8Engine>),
}

/// Makes logits of pixels.
type Run = Box<dyn FnMut(&[u8], &mut [f32])>;

impl Engine<'_> {
    fn model(&self) -> &'static str {
        match self {
            Engine::Float(..) => "float32",
            Engine::Int8(model, _) => model.scheme().name(),
        }
    }

    /// Multiply-adds of an image.
    fn work(&self, kernel: Kernel, pixels: &[u8], batch: usize) -> f64 {
        match self {
            Engine::Float(model, _) => work::of_float(model, kernel, pixels, batch),
            Engine::Int8(model, _) => work::of_int8(model, kernel, pixels, batch),
        }
    }

    /// The engine, on one thread or on all.
    fn run(self, threads: usize) -> Run {
        match (self, threads) {
            (Engine::Float(_, mut engine), 1) => Box::new(move |x, y| engine.logits(x, y)),
            (Engine::Float(_, mut engine), _) => Box::new(move |x, y| engine.logits_parallel(x, y)),
            (Engine::Int8(_, mut engine), 1) => Box::new(move |x, y| engine.logits(x, y)),
            (Engine::Int8(_, mut engine), _) => Box::new(move |x, y| engine.logits_parallel(x, y)),
        }
    }
}

/// Whole inferences: on each of these kernels in every batch size on one thread, and the largest batch on all threads.
pub fn inferences(models: &Models, digits: &Rc<Digits>, kernels: &[Kernel]) -> Vec<Bench> {
    let mut benches = Vec::new();
    for &kernel in kernels {
        for engine in models.engines(kernel) {
            benches.extend(all_batches(kernel, &engine, digits));
        }
    }
    benches
}

/// Whole inferences of images in which nothing is 0, on the fastest kernel: of the float32 network and of the fused one.
pub fn on_noise(models: &Models) -> Vec<Bench> {
    let mut state = 1_u32;
    let pixels = (0..BATCHES[2] * PIXELS).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        1 + (state >> 16) as u8 % 255
    });
    let noise = Digits::new(pixels.collect(), vec![0; BATCHES[2]]).expect("a label for each image");
    let noise = Rc::new(noise);
    let wanted = ["float32", Scheme::Fused.name()];
    let engines = models.engines(Kernel::best()).filter(|engine| wanted.contains(&engine.model()));
    let mut benches: Vec<_> =
        engines.flat_map(|engine| all_batches(Kernel::best(), &engine, &noise)).collect();
    for Bench { row, .. } in &mut benches {
        // Nobody can read it rightly.
        *row = Row { input: Some(NOISE.into()), correct: None, classified: None, ..std::mem::take(row) };
    }
    benches
}

impl Models {
    /// All of them on a kernel.
    fn engines(&self, kernel: Kernel) -> impl Iterator<Item = Engine<'_>> {
        let float = Engine::Float(&self.float, Box::new(self.float.engine(kernel)));
        let int8 = self.int8.iter().map(move |model| Engine::Int8(model, Box::new(model.engine(kernel))));
        std::iter::once(float).chain(int8)
    }
}

/// One, and all if that is more.
pub fn thread_counts() -> Vec<usize> {
    let all = all_threads();
    if all > 1 { vec![1, all] } else { vec![1] }
}

fn all_batches(kernel: Kernel, engine: &Engine, digits: &Rc<Digits>) -> Vec<Bench> {
    let mut benches = Vec::new();
    for batch in BATCHES {
        let work = engine.work(kernel, &digits.images()[..CYCLE.max(batch) * PIXELS], batch);
        // A small batch does not keep several threads busy.
        let threads = if batch == BATCHES[2] { thread_counts() } else { vec![1] };
        for threads in threads {
            let mut bench = inference(kernel, engine.clone(), batch, threads, digits);
            bench.row.multiply_adds = Some(work);
            benches.push(bench);
        }
    }
    benches
}

fn inference(kernel: Kernel, engine: Engine, batch: usize, threads: usize, digits: &Rc<Digits>) -> Bench {
    let mut row = Row {
        engine: engine_name(kernel),
        model: engine.model().into(),
        batch,
        threads,
        classified: Some(digits.len()),
        ..Row::default()
    };
    let mut run = engine.run(threads);
    let mut logits = vec![0.0; digits.len() * CLASSES];
    for (pixels, logits) in digits.images().chunks(batch * PIXELS).zip(logits.chunks_mut(batch * CLASSES)) {
        run(pixels, logits);
    }
    row.correct = Some(Confusion::count(&logits, digits.labels()).correct() as usize);
    let digits = Rc::clone(digits);
    logits.truncate(batch * CLASSES);
    let time = cycle(batch, move |first| {
        let pixels = &digits.images()[first * PIXELS..][..batch * PIXELS];
        run(black_box(pixels), &mut logits);
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
