//! What becomes of a network by one recipe.

use std::time::Instant;

use digit8_core::Kernel;
use digit8_core::compare::{self, Confusion, argmax, batched_logits, layer_outputs};
use digit8_core::digits::{CLASSES, Digits, PIXELS};
use digit8_core::explain::Hybrid;
use digit8_core::file::Model;
use digit8_core::float::Mlp;
use digit8_core::int8::QuantizedLinear;
use digit8_core::quant::{Made, Recipe, Width, make};
use serde::{Deserialize, Serialize};

/// Digits that SQNR and sensitivity are measured on.
const FEW: usize = 1000;
/// Digits in a batch, where it does not matter.
const BATCH: usize = 100;

/// The digits of a sweep.
pub struct Sets {
    /// To calibrate and to retrain with.
    pub train: Digits,
    /// Training digits kept apart, which recipes are chosen on.
    pub held_out: Digits,
    /// Which nothing is chosen on.
    pub test: Digits,
}

impl Sets {
    /// The last sixth of the training digits kept apart: of MNIST's 60,000, ten thousand.
    pub fn new(train: &Digits, test: Digits) -> digit8_core::Result<Self> {
        let fit = train.len() - train.len() / 6;
        let rest = Digits::new(train.images()[fit * PIXELS..].to_vec(), train.labels()[fit..].to_vec())?;
        Ok(Self { train: train.first(fit), held_out: rest, test })
    }
}

/// A recipe and what it gave.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The checksum of the float network.
    pub network: String,
    /// The recipe, in one line.
    pub recipe: String,
    /// What the weights take, packed.
    pub bytes: usize,
    /// The share of the digits kept apart that is read right.
    pub held_out: f64,
    /// The same of the test digits.
    pub test: f64,
    /// The signal to quantization noise of the three layers' outputs, in decibels.
    pub sqnr: [f64; 3],
    /// How long quantizing took.
    pub seconds: f64,
}

/// What a network reads right, with parts of it on integers: shares of the first digits kept apart.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sensitivity {
    /// The recipe, in one line.
    pub recipe: String,
    /// All layers on integers.
    pub all: f64,
    /// Each layer alone on integers.
    pub alone: [f64; 3],
    /// Each layer alone on reals.
    pub without: [f64; 3],
    /// The weights on integers, the activations real.
    pub weights: f64,
    /// The activations on integers, and the weights on eight bits.
    pub activations: f64,
}

fn quantized(mlp: &Mlp, recipe: &Recipe, sets: &Sets) -> digit8_core::Result<Made> {
    let digits = recipe.calibration.digits.unwrap_or(sets.train.len());
    make(mlp, recipe, sets.train.first(digits).images(), &sets.train, Kernel::best(), &mut |_| true)
}

fn accuracy(model: &Model, digits: &Digits) -> f64 {
    Confusion::count(&batched_logits(model, Kernel::best(), digits.images(), BATCH), digits.labels())
        .accuracy()
}

/// Quantizes the network, and measures it.
pub fn outcome(mlp: &Mlp, network: &str, recipe: &Recipe, sets: &Sets) -> digit8_core::Result<Outcome> {
    let start = Instant::now();
    let made = quantized(mlp, recipe, sets)?;
    let seconds = start.elapsed().as_secs_f64();
    let bytes = made.int8.weight_bytes();
    let (float, int8) = (Model::Float(made.float), Model::Int8(made.int8));
    let few = sets.held_out.first(FEW);
    let [reference, outputs] =
        [&float, &int8].map(|model| layer_outputs(model, Kernel::best(), few.images()));
    let sqnr = std::array::from_fn(|layer| compare::Error::between(&reference[layer], &outputs[layer]).sqnr);
    let (held_out, test) = (accuracy(&int8, &sets.held_out), accuracy(&int8, &sets.test));
    Ok(Outcome { network: network.into(), recipe: recipe.to_string(), bytes, held_out, test, sqnr, seconds })
}

/// Measures which parts of the network are to blame.
pub fn sensitivity(mlp: &Mlp, recipe: &Recipe, sets: &Sets) -> digit8_core::Result<Sensitivity> {
    let Made { int8, float, .. } = quantized(mlp, recipe, sets)?;
    let few = sets.held_out.first(FEW);
    let hybrid = Hybrid::new(&float, &int8, Kernel::best())?;
    let mixture = |integers: [bool; 3]| -> digit8_core::Result<f64> {
        let mut right = 0;
        for (image, &label) in few.images().chunks_exact(PIXELS).zip(few.labels()) {
            let logits: [f32; CLASSES] = hybrid.logits(image, integers)?;
            right += usize::from(argmax(&logits) == usize::from(label));
        }
        Ok(right as f64 / few.len().max(1) as f64)
    };
    let only = |layer: usize| std::array::from_fn(|at| at == layer);
    let but = |layer: usize| std::array::from_fn(|at| at != layer);
    let weights = Model::Float(Mlp::new(int8.layers().each_ref().map(QuantizedLinear::dequantized))?);
    let mut wide = recipe.clone();
    wide.weights.bits = [Width::default(); 3];
    wide.retraining.epochs = 0;
    let wide = Model::Int8(quantized(mlp, &wide, sets)?.int8);
    Ok(Sensitivity {
        recipe: recipe.to_string(),
        all: mixture([true; 3])?,
        alone: [mixture(only(0))?, mixture(only(1))?, mixture(only(2))?],
        without: [mixture(but(0))?, mixture(but(1))?, mixture(but(2))?],
        weights: accuracy(&weights, &few),
        activations: accuracy(&wide, &few),
    })
}
