//! Retraining with the quantized weights in view, by the straight-through estimator (Bengio et al. 2013, arXiv 1308.3432; Jacob et al.
//! 2017, section 3).
//!
//! The weights that Adam moves are real. Forwards and backwards each counts as what its integer stands for, `ŵ = s · rint(w / s)`, and
//! the gradient of `ŵ` is taken for that of `w`. A weight cannot leave the range of its integers by more than half a step: there the
//! gradient would no longer tell anything. Scales are found anew, from the weights as they are, every [`REFRESH`] steps until the last
//! quarter, then they stay. Activations of static schemes go through their integers too, with gradients as if they had not, but 0 for
//! those that were clipped.
//!
//! Everything is computed as [`reals`](super::reals) has it: the same bits on every kernel.

use digit8_kernels::train::{AdamStep, Rows};
use ndarray::Array2;

use crate::digits::{CLASSES, Digits, PIXELS, normalized};
use crate::float::{Linear, Mlp};
use crate::int8::{Activations, QuantizedLinear, QuantizedMlp};
use crate::quant::reals::{RealLayer, layer};
use crate::quant::{QParams, Recipe, WeightScale, Width, nearest, weight_scale};
use crate::random::Random;
use crate::{Error, Kernel, Result};

/// Steps between two refreshes of the scales.
const REFRESH: usize = 100;
/// Adam's constants, PyTorch's defaults.
const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const SMALL: f32 = 1e-8;

/// A network in retraining.
pub(super) struct Trainer<'a> {
    recipe: &'a Recipe,
    layers: [RealLayer; 3],
    scales: [WeightScale; 3],
    /// What the weights' integers stand for.
    stand_ins: [Rows; 3],
    /// `β₁ᵗ` and `β₂ᵗ`.
    powers: [f64; 2],
    /// The input and the outputs of the three layers, behind ReLU in the hidden ones.
    outputs: [Rows; 4],
    /// What the integers of these stand for.
    quantized: [Rows; 4],
    gradients: [Rows; 3],
}

/// How far retraining is.
pub(super) struct Step<'a> {
    /// Steps done so far, this one included.
    pub done: usize,
    /// Steps in all.
    pub total: usize,
    /// The mean loss of this step's digits.
    pub loss: f32,
    /// The network as it is after this step.
    pub network: &'a dyn Fn() -> Result<QuantizedMlp>,
}

impl<'a> Trainer<'a> {
    /// Starts from `mlp`.
    pub fn new(mlp: &Mlp, recipe: &'a Recipe, kernel: Kernel) -> Result<Self> {
        let layers = mlp.layers().each_ref().map(|linear| layer(linear, kernel));
        let scale =
            |index: usize| weight_scale(index, &mlp.layers()[index].weight, &recipe.weights, recipe.epsilon);
        let [h1, h2] = mlp.hidden();
        let rows = [PIXELS, h1, h2, CLASSES].map(|width| Rows::zeros(0, width));
        Ok(Self {
            recipe,
            scales: [scale(0)?, scale(1)?, scale(2)?],
            stand_ins: layers.each_ref().map(|layer| layer.weight().clone()),
            layers,
            powers: [1.0; 2],
            gradients: [rows[1].clone(), rows[2].clone(), rows[3].clone()],
            quantized: rows.clone(),
            outputs: rows,
        })
    }

    /// Trains for the recipe's epochs. `observe` gives the activations' parameters for the network as it is (none for real
    /// activations), before each epoch.
    ///
    /// # Errors
    /// Those of `observe` and `progress`; [`Error::Mismatch`] if there are no digits; [`Error::Model`] if the loss is not finite.
    pub fn run(
        &mut self,
        digits: &Digits,
        mut observe: impl FnMut(&Mlp) -> Result<Activations>,
        progress: &mut dyn FnMut(Step) -> Result<()>,
    ) -> Result<()> {
        let retraining = &self.recipe.retraining;
        let count = retraining.digits.unwrap_or(digits.len()).min(digits.len());
        if count == 0 {
            return Err(Error::Mismatch("retraining, and no digits to train on".into()));
        }
        let total = count.div_ceil(retraining.batch) * retraining.epochs;
        let settled = total - total / 4;
        let mut random = Random::new(retraining.seed.into());
        let mut order: Vec<usize> = (0..count).collect();
        let mut done = 0;
        for _ in 0..retraining.epochs {
            self.stand_in();
            let activations = observe(&self.mlp()?)?;
            random.shuffle(&mut order);
            for batch in order.chunks(retraining.batch) {
                if done % REFRESH == 0 && done <= settled {
                    self.refresh()?;
                }
                let share = done as f64 / total as f64;
                let rate = f64::from(retraining.learning_rate)
                    * (0.5 + 0.5 * libm::cos(std::f64::consts::PI * share));
                let loss = self.step(digits, batch, &activations, rate);
                done += 1;
                if !loss.is_finite() {
                    return Err(Error::Model(format!(
                        "the loss of step {done} of retraining is not finite: is the learning rate too high?"
                    )));
                }
                let network = || QuantizedMlp::new(self.quantized(), activations);
                progress(Step { done, total, loss, network: &network })?;
            }
        }
        self.stand_in();
        Ok(())
    }

    /// The layers, each weight as the nearest integer.
    pub fn quantized(&self) -> [QuantizedLinear; 3] {
        std::array::from_fn(|index| {
            let Linear { weight, bias } = self.linear(index, self.layers[index].weight());
            let (width, weight_scale) = (self.recipe.weights.bits[index], self.scales[index].clone());
            QuantizedLinear { weight: nearest(&weight, &weight_scale, width), width, weight_scale, bias }
        })
    }

    /// The network that the integers of the weights stand for.
    pub fn mlp(&self) -> Result<Mlp> {
        Mlp::new(std::array::from_fn(|index| self.linear(index, &self.stand_ins[index])))
    }

    fn linear(&self, index: usize, weight: &Rows) -> Linear {
        let values =
            |rows: &Rows| (0..rows.count()).flat_map(|row| rows.row(row).to_vec()).collect::<Vec<f32>>();
        let shape = (weight.count(), weight.width());
        let weight = Array2::from_shape_vec(shape, values(weight)).unwrap_or_default();
        Linear { weight, bias: values(self.layers[index].bias()).into() }
    }

    /// Finds the scales of the weights as they are.
    fn refresh(&mut self) -> Result<()> {
        for index in 0..3 {
            let weight = self.linear(index, self.layers[index].weight()).weight;
            self.scales[index] = weight_scale(index, &weight, &self.recipe.weights, self.recipe.epsilon)?;
        }
        Ok(())
    }

    /// Keeps the weights in range, and sets what stands in for them.
    fn stand_in(&mut self) {
        let all =
            self.layers.iter_mut().zip(&mut self.stand_ins).zip(&self.scales).zip(self.recipe.weights.bits);
        for (((layer, stand_ins), scale), width) in all {
            let weights = layer.weight_mut();
            for row in 0..weights.count() {
                stand_in_row(weights.row_mut(row), stand_ins.row_mut(row), scale.of(row).get(), width);
            }
        }
    }

    fn step(&mut self, digits: &Digits, batch: &[usize], activations: &Activations, rate: f64) -> f32 {
        self.stand_in();
        for rows in self.outputs.iter_mut().chain(&mut self.quantized).chain(&mut self.gradients) {
            rows.resize(batch.len());
        }
        let qparams = match *activations {
            Activations::Static { input, outputs: [one, two, three], .. } => Some([input, one, two, three]),
            Activations::Dynamic => None,
        };
        // The input is never trained, so its integers can stand in for it from the start.
        let table = match qparams {
            Some([input, ..]) => normalized().map(|x| input.dequantize(input.quantize(x))),
            None => normalized(),
        };
        for (row, &index) in batch.iter().enumerate() {
            let x = self.quantized[0].row_mut(row);
            for (x, &pixel) in x.iter_mut().zip(digits.image(index)) {
                *x = table[usize::from(pixel)];
            }
        }
        for (index, (layer, weights)) in self.layers.iter().zip(&self.stand_ins).enumerate() {
            layer.forward_as(weights, &self.quantized[index], index < 2, &mut self.outputs[index + 1]);
            let (real, quantized) = (&self.outputs[index + 1], &mut self.quantized[index + 1]);
            for row in 0..real.count() {
                quantized.row_mut(row).copy_from_slice(real.row(row));
                if let Some(qparams) = &qparams {
                    through_integers(quantized.row_mut(row), &qparams[index + 1]);
                }
            }
        }
        let [dy1, dy2, dy3] = &mut self.gradients;
        let loss = cross_entropy(&self.quantized[3], digits.labels(), batch, dy3);
        let clip = |real: &Rows, gradient: &mut Rows, index: usize| {
            if let Some(qparams) = &qparams {
                (0..real.count())
                    .for_each(|row| clip_row(real.row(row), gradient.row_mut(row), &qparams[index]));
            }
        };
        clip(&self.outputs[3], dy3, 3);
        self.layers[2].backward_as(&self.stand_ins[2], dy3, &self.outputs[2], dy2);
        clip(&self.outputs[2], dy2, 2);
        self.layers[1].backward_as(&self.stand_ins[1], dy2, &self.outputs[1], dy1);
        clip(&self.outputs[1], dy1, 1);

        let adam = self.adam(rate);
        for ((layer, x), dy) in self.layers.iter_mut().zip(&self.quantized).zip(&self.gradients) {
            layer.step(x, dy, adam);
        }
        loss
    }

    /// The next step of Adam (Kingma and Ba, 2015), arranged as PyTorch arranges it.
    fn adam(&mut self, rate: f64) -> AdamStep {
        self.powers = [self.powers[0] * BETA1, self.powers[1] * BETA2];
        let [power1, power2] = self.powers;
        AdamStep {
            one_minus_beta1: (1.0 - BETA1) as f32,
            beta2: BETA2 as f32,
            one_minus_beta2: (1.0 - BETA2) as f32,
            step_size: (rate / (1.0 - power1)) as f32,
            inverse_root: (1.0 / (1.0 - power2).sqrt()) as f32,
            epsilon: SMALL,
        }
    }
}

/// Keeps `weights` within half a step of their integers' range, and sets `stand_ins` to what the nearest integers stand for.
fn stand_in_row(weights: &mut [f32], stand_ins: &mut [f32], scale: f32, width: Width) {
    let inverse = scale.recip();
    let (least, greatest) = width.ends();
    let (low, high) = ((f32::from(least) - 0.5) * scale, (f32::from(greatest) + 0.5) * scale);
    for (weight, stand_in) in weights.iter_mut().zip(stand_ins) {
        *weight = if *weight < low { low } else { *weight };
        *weight = if *weight > high { high } else { *weight };
        *stand_in = width.nearest(*weight * inverse) * scale;
    }
}

/// What the integers of activations stand for.
fn through_integers(values: &mut [f32], qparams: &QParams) {
    values.iter_mut().for_each(|value| *value = qparams.dequantize(qparams.quantize(*value)));
}

/// No gradient for activations that were clipped.
fn clip_row(values: &[f32], gradient: &mut [f32], qparams: &QParams) {
    let (least, greatest) = (qparams.dequantize(0), qparams.dequantize(qparams.max));
    for (value, gradient) in values.iter().zip(gradient) {
        if *value < least || *value > greatest {
            *gradient = 0.0;
        }
    }
}

/// The mean loss of a batch, and its gradient with respect to the logits; with exponentials that are the same on every platform.
fn cross_entropy(logits: &Rows, labels: &[u8], batch: &[usize], gradient: &mut Rows) -> f32 {
    let count = batch.len() as f32;
    let mut loss = 0.0;
    for (row, &index) in batch.iter().enumerate() {
        let (logits, gradient) = (logits.row(row), gradient.row_mut(row));
        let label = usize::from(labels[index]);
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exponentials: [f32; CLASSES] = std::array::from_fn(|class| libm::expf(logits[class] - max));
        let sum: f32 = exponentials.iter().sum();
        for class in 0..CLASSES {
            let target = if class == label { 1.0 } else { 0.0 };
            gradient[class] = (exponentials[class] / sum - target) / count;
        }
        loss += libm::logf(sum) - (logits[label] - max);
    }
    loss / count
}
