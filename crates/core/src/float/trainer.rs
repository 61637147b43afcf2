//! Forwards, backwards, Adam: one batch at a time.

use digit8_kernels::Kernel;
use digit8_kernels::train::{AdamStep, Layer, Rows};
use ndarray::ArrayView1;

use crate::Result;
use crate::digits::{PIXELS, normalized};
use crate::float::loss::cross_entropy;
use crate::float::source::Target;
use crate::float::{Linear, Mlp, Settings, contiguous};

/// Adam's constants, PyTorch's defaults.
const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f32 = 1e-8;

pub(super) struct Trainer {
    layers: [Layer; 3],
    steps: i32,
    table: [f32; 256],
    smoothing: f32,
    weight_decay: f32,
    average: Option<Average>,
    /// The input and the outputs of the three layers.
    activations: [Rows; 4],
    /// The gradients of the outputs of the three layers.
    gradients: [Rows; 3],
}

impl Trainer {
    pub fn new(mlp: &Mlp, kernel: Kernel, settings: &Settings) -> Self {
        let layers = mlp.layers().each_ref().map(|linear| {
            let weight = Rows::new(&contiguous(&linear.weight), linear.weight.ncols());
            Layer::new(kernel, weight, Rows::new(&linear.bias.to_vec(), linear.bias.len()))
        });
        let widths = layers.each_ref().map(|layer| layer.bias().width());
        Self {
            activations: [PIXELS, widths[0], widths[1], widths[2]].map(|width| Rows::zeros(0, width)),
            gradients: widths.map(|width| Rows::zeros(0, width)),
            layers,
            steps: 0,
            table: normalized(),
            smoothing: settings.smoothing,
            weight_decay: settings.weight_decay,
            average: (settings.average > 0.0).then(|| Average::new(settings.average, mlp)),
        }
    }

    /// One step on a batch: `pixels` `[n, 784]`, `targets` `[n]`. Gives the batch's mean loss.
    pub fn step(&mut self, pixels: &[u8], targets: &[Target], learning_rate: f32) -> f32 {
        for rows in self.activations.iter_mut().chain(&mut self.gradients) {
            rows.resize(targets.len());
        }
        let [x0, x1, x2, logits] = &mut self.activations;
        let [dy1, dy2, dy3] = &mut self.gradients;
        for (row, pixels) in pixels.chunks_exact(PIXELS).enumerate() {
            for (x, &pixel) in x0.row_mut(row).iter_mut().zip(pixels) {
                *x = self.table[usize::from(pixel)];
            }
        }

        let [layer1, layer2, layer3] = &mut self.layers;
        layer1.forward(x0, true, x1);
        layer2.forward(x1, true, x2);
        layer3.forward(x2, false, logits);
        let loss = cross_entropy(logits, targets, self.smoothing, dy3);
        layer3.backward(dy3, x2, dy2);
        layer2.backward(dy2, x1, dy1);

        self.steps += 1;
        let learning_rate = f64::from(learning_rate);
        if self.weight_decay > 0.0 {
            let keep = (1.0 - learning_rate * f64::from(self.weight_decay)) as f32;
            for layer in [&mut *layer1, layer2, layer3] {
                layer.decay(keep);
            }
        }
        let adam = adam_step(learning_rate, self.steps);
        layer1.step(x0, dy1, adam);
        layer2.step(x1, dy2, adam);
        layer3.step(x2, dy3, adam);
        if let Some(average) = &mut self.average {
            average.take_in(&self.layers);
        }
        loss
    }

    /// The network as it is now, or its average.
    pub fn mlp(&self, like: &Mlp) -> Result<Mlp> {
        if let Some(average) = &self.average {
            return Mlp::new(average.layers.clone());
        }
        let mut layers = like.layers().clone();
        for (linear, layer) in layers.iter_mut().zip(&self.layers) {
            for (index, mut row) in linear.weight.rows_mut().into_iter().enumerate() {
                row.assign(&ArrayView1::from(layer.weight().row(index)));
            }
            linear.bias.assign(&ArrayView1::from(layer.bias().row(0)));
        }
        Mlp::new(layers)
    }
}

/// Step `t` of Adam (Kingma and Ba, 2015), arranged as PyTorch arranges it.
fn adam_step(learning_rate: f64, t: i32) -> AdamStep {
    AdamStep {
        one_minus_beta1: (1.0 - BETA1) as f32,
        beta2: BETA2 as f32,
        one_minus_beta2: (1.0 - BETA2) as f32,
        step_size: (learning_rate / (1.0 - BETA1.powi(t))) as f32,
        inverse_root: (1.0 / (1.0 - BETA2.powi(t)).sqrt()) as f32,
        epsilon: EPSILON,
    }
}

/// The running average of the weights, each step's share of it smaller the longer ago it was.
struct Average {
    stays: f32,
    steps: i32,
    layers: [Linear; 3],
}

impl Average {
    fn new(stays: f32, mlp: &Mlp) -> Self {
        Self { stays, steps: 0, layers: mlp.layers().clone() }
    }

    fn take_in(&mut self, layers: &[Layer; 3]) {
        self.steps += 1;
        // At the start the mean of all steps so far, so that the random weights are soon forgotten.
        let share = (1.0 - self.stays).max(1.0 / self.steps as f32);
        let mix = |average: &mut f32, &value: &f32| *average += share * (value - *average);
        for (average, layer) in self.layers.iter_mut().zip(layers) {
            for (index, mut row) in average.weight.rows_mut().into_iter().enumerate() {
                row.iter_mut()
                    .zip(layer.weight().row(index))
                    .for_each(|(average, value)| mix(average, value));
            }
            average.bias.iter_mut().zip(layer.bias().row(0)).for_each(|(average, value)| mix(average, value));
        }
    }
}
