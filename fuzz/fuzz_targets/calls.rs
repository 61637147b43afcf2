//! Calls of the page's module in any order: drawings become images, images answers, on networks of any size and scheme; one is
//! explained by the other, and narrowed. What has no answer is an error.
//!
//! The wrappers throw JavaScript's errors, which only a browser has; so these are the functions behind them, and the wrappers
//! where they throw none.
#![no_main]

use arbitrary::Arbitrary;
use digit8_core::compare::{answer, softmax};
use digit8_core::digits::{CLASSES, PIXELS};
use digit8_core::explain::Hybrid;
use digit8_core::file::{self, Info, Model};
use digit8_core::float::{FloatEngine, Linear, Mlp};
use digit8_core::int8::{Int8Engine, QuantizedMlp, Scheme};
use digit8_core::quant::{
    Calibration, Granularity, Width, calibrate, layer_weights, quantize, quantize_layer, recipe,
};
use digit8_core::Kernel;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Session {
    hidden: [u8; 2],
    seed: u64,
    /// What all weights are multiplied by: their sums may leave the range of `f32`.
    scale: f32,
    scheme: u8,
    per_channel: bool,
    calls: Vec<Call>,
}

#[derive(Arbitrary, Debug)]
enum Call {
    Draw { points: Vec<f32>, lengths: Vec<u8>, pen: f32 },
    Pixels(Vec<u8>),
    Answer { count: u8, kernel: u8 },
    Explain,
    Narrow(u32),
    Reload,
}

enum Engine {
    Float(Box<FloatEngine>),
    Int8(Box<Int8Engine>),
}

fn engine(model: &Model, kernel: Kernel) -> Engine {
    match model {
        Model::Float(mlp) => Engine::Float(Box::new(mlp.engine(kernel))),
        Model::Int8(mlp) => Engine::Int8(Box::new(mlp.engine(kernel))),
    }
}

fn networks(session: &Session) -> Option<(Mlp, QuantizedMlp)> {
    let hidden = session.hidden.map(|size| usize::from(size % 40) + 1);
    let layers = Mlp::random(hidden, session.seed).ok()?.layers().clone();
    let scaled = layers.map(|Linear { weight, bias }| Linear { weight: weight * session.scale, bias });
    let mlp = Mlp::new(scaled).ok()?;
    let scheme = Scheme::ALL[usize::from(session.scheme) % 3];
    let pixels: Vec<u8> = (0..3 * PIXELS).map(|at| (at * 7919 % 256) as u8).collect();
    let seen = || calibrate(&mlp, Kernel::best(), scheme, &pixels, |_| ());
    let granularity = if session.per_channel { Granularity::PerChannel } else { Granularity::PerTensor };
    let int8 = quantize(&mlp, Calibration::of(scheme, seen).ok()?, granularity).ok()?;
    Some((mlp, int8))
}

/// The network with weights of so many bits, as the page shows it.
fn narrow(mlp: &Mlp, int8: &QuantizedMlp, bits: u32) -> Option<QuantizedMlp> {
    let bits = [Width::bits(bits).ok()?; 3];
    let weights = recipe::Weights { bits, granularity: int8.granularity(), ..Default::default() };
    let layer = |index: usize| {
        quantize_layer(index, &mlp.layers()[index], &weights, recipe::Epsilon::default()).ok()
    };
    QuantizedMlp::new([layer(0)?, layer(1)?, layer(2)?], *int8.activations()).ok()
}

fuzz_target!(|session: Session| {
    let Some((mlp, int8)) = networks(&session) else { return };
    let hybrid = Hybrid::new(&mlp, &int8, Kernel::best()).unwrap();
    let mut models = [Model::Float(mlp.clone()), Model::Int8(int8.clone())];
    let mut pixels = vec![0; PIXELS];
    for call in session.calls.iter().take(12) {
        match call {
            Call::Draw { points, lengths, pen } => {
                let lengths: Vec<usize> = lengths.iter().map(|&length| length.into()).collect();
                if let Some(image) = digit8_web::rasterize(points, &lengths, *pen) {
                    assert_eq!(image.len(), PIXELS);
                    assert!(image.iter().any(|&pixel| pixel > 0));
                    pixels = image;
                }
            }
            Call::Pixels(bytes) => pixels.iter_mut().zip(bytes).for_each(|(pixel, &byte)| *pixel = byte),
            Call::Answer { count, kernel } => {
                let kernels = Kernel::available();
                let kernel = kernels[usize::from(*kernel) % kernels.len()];
                let count = usize::from(count % 5);
                let (images, mut logits) = (pixels.repeat(count), vec![0.0; count * CLASSES]);
                for model in &models {
                    match &mut engine(model, kernel) {
                        Engine::Float(engine) => engine.logits(&images, &mut logits),
                        Engine::Int8(engine) => engine.logits(&images, &mut logits),
                    }
                    for logits in logits.chunks_exact(CLASSES) {
                        let Some(digit) = answer(logits) else { continue };
                        let probabilities = softmax(logits.try_into().unwrap());
                        assert!(probabilities.iter().all(|&share| share <= probabilities[digit]));
                        assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9);
                    }
                }
            }
            Call::Explain => {
                if let Ok(explanation) = hybrid.explain(&pixels) {
                    assert_eq!(explanation.answers.len(), 8);
                    assert!(explanation.answers.iter().flat_map(|answer| answer.logits).all(f32::is_finite));
                }
            }
            Call::Narrow(bits) => {
                if let Some(narrowed) = narrow(&mlp, &int8, *bits) {
                    let _ = layer_weights(&mlp, &narrowed);
                    models[1] = Model::Int8(narrowed);
                }
            }
            Call::Reload => {
                models = models.map(|model| {
                    let back = file::read(&file::write(&model, &Info::new()).unwrap()).unwrap().model;
                    assert_eq!(back, model);
                    back
                });
            }
        }
    }
});
