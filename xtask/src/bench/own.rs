//! What digit8 has to time: its engines on every kernel, the stages of an inference, and the limits of the machine.

use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

use digit8_core::Kernel;
use digit8_core::compare::{Confusion, softmax};
use digit8_core::digits::{CLASSES, Digits, PIXELS, normalize, normalized};
use digit8_core::float::Mlp;
use digit8_core::int8::{Activations, QuantizedMlp};
use digit8_kernels::limits::{self, Unit};
use digit8_kernels::{float, int8};

use super::report::{Limit, Row};
use super::sampler::{Bench, Time};

/// The images of a call.
pub const BATCHES: [usize; 3] = [1, 64, 10_000];
/// Small batches walk over this many images again and again, so that no kernel gets to know one image by heart, and yet
/// the images stay in L2.
pub const WALK: usize = 256;

/// The network in float32 and in every scheme.
pub struct Models {
    /// The float32 network.
    pub float: Mlp,
    /// Its quantizations.
    pub int8: Vec<QuantizedMlp>,
}

/// Whole inferences on one thread, on every kernel, in every batch size.
pub fn inferences(models: &Models, digits: &Rc<Digits>) -> Vec<Bench> {
    let mut benches = Vec::new();
    for kernel in Kernel::available() {
        for batch in BATCHES {
            let mut engine = models.float.engine(kernel);
            let logits = move |pixels: &[u8], logits: &mut [f32]| engine.logits(pixels, logits);
            benches.push(inference(kernel, "float32", batch, digits, logits));
            for model in &models.int8 {
                let mut engine = model.engine(kernel);
                let logits = move |pixels: &[u8], logits: &mut [f32]| engine.logits(pixels, logits);
                benches.push(inference(kernel, model.scheme().name(), batch, digits, logits));
            }
        }
    }
    benches
}

fn inference(
    kernel: Kernel,
    model: &str,
    batch: usize,
    digits: &Rc<Digits>,
    mut run: impl FnMut(&[u8], &mut [f32]) + 'static,
) -> Bench {
    let mut logits = vec![0.0; digits.len() * CLASSES];
    for (pixels, logits) in digits.images().chunks(batch * PIXELS).zip(logits.chunks_mut(batch * CLASSES)) {
        run(pixels, logits);
    }
    let row = Row {
        engine: engine_name(kernel),
        model: model.into(),
        batch,
        threads: 1,
        correct: Some(Confusion::count(&logits, digits.labels()).correct() as usize),
        classified: Some(digits.len()),
        ..Row::default()
    };
    let digits = Rc::clone(digits);
    logits.truncate(batch * CLASSES);
    let time = walk(batch, move |first| {
        let pixels = &digits.images()[first * PIXELS..][..batch * PIXELS];
        run(black_box(pixels), &mut logits);
        black_box(&mut logits);
    });
    Bench { row, per_run: batch, time }
}

fn engine_name(kernel: Kernel) -> String {
    if kernel == Kernel::best() { "digit8".into() } else { format!("digit8 {}", kernel.name()) }
}

/// Calls `run` with the first image of one batch after the other.
fn walk(batch: usize, mut run: impl FnMut(usize) + 'static) -> Time {
    let end = WALK.max(batch) / batch * batch;
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

/// The stages of an inference on the fastest kernel: of the float32 network and of the fused one, and the softmax.
pub fn stages(models: &Models, digits: &Rc<Digits>) -> Vec<Bench> {
    let mut benches = vec![softmax_stage(&models.float, digits)];
    for batch in [1, 64] {
        benches.extend(float_stages(&models.float, digits, batch));
        for model in &models.int8 {
            benches.extend(int8_stages(model, digits, batch));
        }
    }
    benches
}

fn softmax_stage(model: &Mlp, digits: &Digits) -> Bench {
    let mut logits = vec![[0.0; CLASSES]; WALK];
    model.engine(Kernel::best()).logits(&digits.images()[..WALK * PIXELS], logits.as_flattened_mut());
    let time = walk(1, move |image| {
        black_box(softmax(black_box(&logits[image])));
    });
    stage("float32", "softmax", 1, time)
}

fn stage(model: &str, stage: &str, batch: usize, time: Time) -> Bench {
    let row = Row {
        engine: engine_name(Kernel::best()),
        model: model.into(),
        stage: Some(stage.into()),
        batch,
        threads: 1,
        ..Row::default()
    };
    Bench { row, per_run: batch, time }
}

/// Each layer on the activations that the layers before it give; the first, as in the engine, on distances from paper.
fn float_stages(model: &Mlp, digits: &Digits, batch: usize) -> Vec<Bench> {
    let table = normalized().map(|x| x - normalize(0));
    let mut x: Vec<f32> =
        digits.images()[..WALK * PIXELS].iter().map(|&pixel| table[usize::from(pixel)]).collect();
    let layers = (1..).zip(model.layers()).map(|(number, layer)| {
        let (outputs, inputs) = layer.weight.dim();
        let rows: Vec<f32> = layer.weight.iter().copied().collect();
        let weights = float::Weights::pack(Kernel::best(), &rows, outputs, inputs);
        let (bias, relu) = (layer.bias.to_vec(), number < 3);
        let mut y = vec![0.0; WALK * outputs];
        weights.forward(&x, &bias, relu, &mut y);
        let x = std::mem::replace(&mut x, y.clone());
        let time = walk(batch, move |first| {
            let x = &x[first * inputs..][..batch * inputs];
            weights.forward(black_box(x), &bias, relu, &mut y[..batch * outputs]);
            black_box(&mut y);
        });
        stage("float32", &format!("linear{number}"), batch, time)
    });
    layers.collect()
}

/// The table look-up that quantizes pixels, and each layer on the activations that the stages before it give. Only of the
/// fused network: without fusion the layers are the same.
fn int8_stages(model: &QuantizedMlp, digits: &Digits, batch: usize) -> Vec<Bench> {
    let Activations::Static { fused: true, input, outputs } = *model.activations() else {
        return Vec::new();
    };
    let kernel = Kernel::best();
    let pixels = digits.images()[..WALK * PIXELS].to_vec();
    let table = normalized().map(|x| input.quantize(x));
    let mut x = vec![0; pixels.len()];
    let mut quantized = vec![0; batch * PIXELS];
    int8::lookup(kernel, &table, &pixels, &mut x);
    let lookup = walk(batch, move |first| {
        let pixels = &pixels[first * PIXELS..][..batch * PIXELS];
        int8::lookup(kernel, &table, black_box(pixels), &mut quantized);
        black_box(&mut quantized);
    });
    let mut benches = vec![stage("fused", "quantize", batch, lookup)];
    let mut qparams = input;
    for ((number, layer), output) in (1..).zip(model.layers()).zip(outputs) {
        let (outputs, inputs) = layer.weight.dim();
        let rows: Vec<i8> = layer.weight.iter().copied().collect();
        let weights = int8::Weights::pack(kernel, &rows, outputs, inputs);
        let requantize = layer.requantization(qparams, output, number < 3);
        let zero_point = qparams.zero_point.0;
        let mut y = vec![0; WALK * outputs];
        weights.requantize(&x, zero_point, &requantize, &mut y);
        let x_of_layer = std::mem::replace(&mut x, y.clone());
        let time = walk(batch, move |first| {
            let x = &x_of_layer[first * inputs..][..batch * inputs];
            weights.requantize(black_box(x), zero_point, &requantize, &mut y[..batch * outputs]);
            black_box(&mut y);
        });
        benches.push(stage("fused", &format!("linear{number}"), batch, time));
        qparams = output;
    }
    benches
}

/// The engine name of rows that time the machine itself.
const LIMIT: &str = "limit";

/// The limits of this CPU.
pub fn limits() -> Vec<Bench> {
    let limits = Kernel::available().into_iter().flat_map(limits::Limit::of);
    limits
        .map(|limit| {
            let unit = match limit.unit {
                Unit::MultiplyAdds => "GMAC/s",
                Unit::Bytes => "GB/s",
            };
            let row = Row {
                engine: LIMIT.into(),
                model: limit.name.into(),
                stage: Some(unit.into()),
                ..Row::default()
            };
            let per_run = limit.run(1) as usize;
            let time: Time = Box::new(move |rounds| Ok(timed(|| limit.run(rounds))));
            Bench { row, per_run, time }
        })
        .collect()
}

fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(run());
    start.elapsed()
}

/// Whether a row times the machine itself.
pub fn is_limit(row: &Row) -> bool {
    row.engine == LIMIT
}

/// Tells the limits from the other rows. A nanosecond a multiply-add is a thousand million of them a second.
pub fn split_limits(rows: Vec<Row>) -> (Vec<Limit>, Vec<Row>) {
    let (limits, rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(is_limit);
    let limits = limits.into_iter().map(|row| Limit {
        name: row.model,
        unit: row.stage.unwrap_or_default(),
        best: row.min_ns.recip(),
        median: row.median_ns.recip(),
    });
    (limits.collect(), rows)
}
