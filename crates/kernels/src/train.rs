//! What training needs of a linear layer: forwards, backwards, and Adam.
//!
//! The weight gradient of a small batch is never written out: [`Layer::step`] forms it sixteen inputs at a time, in
//! registers, and Adam consumes it there, in one pass over the weights and their two moments.
//!
//! Rows of weights and of activations are padded with zeros to whole vectors ([`stride`]). The padding stays 0: its
//! gradient is a product with a 0, and Adam leaves a 0 whose moments are 0 where it is.

use crate::Kernel;
use crate::simd::{Floats, LANES, Simd, dispatch};

/// The length of a padded row of `width` values.
pub fn stride(width: usize) -> usize {
    width.next_multiple_of(LANES)
}

/// One step of Adam: PyTorch's formula with the bias corrections of the step worked in.
///
/// `m += (1 - beta1) · (g - m)`, `v = beta2 · v + (1 - beta2) · g²`,
/// `w -= step_size · m / (√v · inverse_root + epsilon)`.
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// `1 - beta1`.
    pub one_minus_beta1: f32,
    /// `beta2`.
    pub beta2: f32,
    /// `1 - beta2`.
    pub one_minus_beta2: f32,
    /// The learning rate over `1 - beta1^t`.
    pub step_size: f32,
    /// `1 / √(1 - beta2^t)`.
    pub inverse_root: f32,
    /// What keeps the quotient finite.
    pub epsilon: f32,
}

/// A linear layer in training: weights, bias, and Adam's two moments of each.
#[derive(Clone, Debug)]
pub struct Layer {
    kernel: Kernel,
    inputs: usize,
    outputs: usize,
    /// `[outputs, stride(inputs)]`.
    weight: Moments,
    /// `[stride(outputs)]`.
    bias: Moments,
}

/// Parameters with the running means of their gradients and of the gradients' squares.
#[derive(Clone, Debug)]
struct Moments {
    value: Vec<f32>,
    mean: Vec<f32>,
    square: Vec<f32>,
}

impl Layer {
    /// A layer that starts from `weight`, row-major `[outputs, inputs]`, and `bias` `[outputs]`, its moments 0.
    ///
    /// # Panics
    /// If `weight` does not hold a value for each input of each output.
    pub fn new(kernel: Kernel, weight: &[f32], bias: &[f32]) -> Self {
        let outputs = bias.len();
        assert!(
            outputs > 0 && weight.len().is_multiple_of(outputs),
            "a weight for each input of each output"
        );
        let inputs = weight.len() / outputs;
        Self {
            kernel,
            inputs,
            outputs,
            weight: Moments::of_rows(weight, inputs),
            bias: Moments::of_rows(bias, outputs),
        }
    }

    /// The number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The weights, row-major `[outputs, inputs]`, and the bias `[outputs]`.
    pub fn parameters(&self) -> (Vec<f32>, Vec<f32>) {
        let rows = self.weight.value.chunks_exact(stride(self.inputs));
        (
            rows.flat_map(|row| &row[..self.inputs]).copied().collect(),
            self.bias.value[..self.outputs].to_vec(),
        )
    }

    /// `y = x · wᵀ + bias`, and `max(y, 0)` with `relu`. `x` is `[batch, stride(inputs)]`, `y` `[batch, stride(outputs)]`,
    /// its padding left as it is.
    ///
    /// # Panics
    /// If the slices are not of the same whole number of padded rows.
    pub fn forward(&self, x: &[f32], relu: bool, y: &mut [f32]) {
        self.check(x, y);
        let layer = self;
        dispatch!(self.kernel, forward(layer: &Layer, x: &[f32], relu: bool, y: &mut [f32]));
    }

    /// `dx = dy · w`, 0 where the activation `x` was 0: the gradient behind the ReLU that made `x`.
    ///
    /// # Panics
    /// If the slices are not of the same whole number of padded rows.
    pub fn backward(&self, dy: &[f32], x: &[f32], dx: &mut [f32]) {
        self.check(x, dy);
        assert_eq!(x.len(), dx.len(), "a gradient for each activation");
        let layer = self;
        dispatch!(self.kernel, backward(layer: &Layer, dy: &[f32], x: &[f32], dx: &mut [f32]));
    }

    /// One step of Adam with the gradients `dyᵀ · x` (weights) and `Σ dy` (bias), summed over the batch.
    ///
    /// # Panics
    /// If the slices are not of the same whole number of padded rows.
    pub fn step(&mut self, x: &[f32], dy: &[f32], adam: AdamStep) {
        self.check(x, dy);
        let layer = self;
        dispatch!(layer.kernel, step(layer: &mut Layer, x: &[f32], dy: &[f32], adam: AdamStep));
    }

    fn check(&self, x: &[f32], y: &[f32]) {
        let (inputs, outputs) = (stride(self.inputs), stride(self.outputs));
        assert!(x.len().is_multiple_of(inputs), "whole rows of {inputs} activations");
        assert_eq!(x.len() / inputs * outputs, y.len(), "as many rows of {outputs} outputs");
    }
}

impl Moments {
    fn of_rows(values: &[f32], width: usize) -> Self {
        let padding = std::iter::repeat_n(&0.0, stride(width) - width);
        let value: Vec<f32> =
            values.chunks_exact(width).flat_map(|row| row.iter().chain(padding.clone())).copied().collect();
        Self { mean: vec![0.0; value.len()], square: vec![0.0; value.len()], value }
    }
}

/// Images that share a loaded weight.
const ROWS: usize = 5;
/// Neurons that share a loaded activation.
const NEURONS: usize = 2;

#[inline(always)]
unsafe fn forward<S: Simd>(layer: &Layer, x: &[f32], relu: bool, y: &mut [f32]) {
    let (inputs, outputs) = (stride(layer.inputs), stride(layer.outputs));
    for (x, y) in x.chunks(ROWS * inputs).zip(y.chunks_mut(ROWS * outputs)) {
        // SAFETY: the caller's contract.
        unsafe {
            if x.len() == ROWS * inputs {
                forward_rows::<S, ROWS>(layer, x, relu, y);
            } else {
                for (x, y) in x.chunks_exact(inputs).zip(y.chunks_exact_mut(outputs)) {
                    forward_rows::<S, 1>(layer, x, relu, y);
                }
            }
        }
    }
}

/// `R` rows through the layer, two neurons at a time: 2 · 5 sums in registers.
#[inline(always)]
unsafe fn forward_rows<S: Simd, const R: usize>(layer: &Layer, x: &[f32], relu: bool, y: &mut [f32]) {
    let (inputs, outputs) = (stride(layer.inputs), stride(layer.outputs));
    let x: [&[Floats]; R] = std::array::from_fn(|row| x[row * inputs..][..inputs].as_chunks().0);
    for first in (0..layer.outputs).step_by(NEURONS) {
        // Behind an odd number of neurons, the last is computed twice.
        let neurons: [usize; NEURONS] = std::array::from_fn(|n| (first + n).min(layer.outputs - 1));
        let w: [&[Floats]; NEURONS] =
            neurons.map(|n| layer.weight.value[n * inputs..][..inputs].as_chunks().0);
        let mut sums = [[[0.0; LANES]; R]; NEURONS];
        for at in 0..inputs / LANES {
            for (sums, w) in sums.iter_mut().zip(w) {
                for (sum, x) in sums.iter_mut().zip(x) {
                    // SAFETY: the caller's contract.
                    *sum = unsafe { S::multiply_add(x[at], w[at], *sum) };
                }
            }
        }
        for (neuron, sums) in neurons.into_iter().zip(sums) {
            for (row, sum) in sums.into_iter().enumerate() {
                let value = total(sum) + layer.bias.value[neuron];
                y[row * outputs + neuron] = if relu && value < 0.0 { 0.0 } else { value };
            }
        }
    }
}

/// The sum of sixteen lanes, halving.
#[inline(always)]
fn total(lanes: Floats) -> f32 {
    let eight: [f32; 8] = std::array::from_fn(|lane| lanes[lane] + lanes[lane + 8]);
    let four: [f32; 4] = std::array::from_fn(|lane| eight[lane] + eight[lane + 4]);
    (four[0] + four[2]) + (four[1] + four[3])
}

#[inline(always)]
unsafe fn backward<S: Simd>(layer: &Layer, dy: &[f32], x: &[f32], dx: &mut [f32]) {
    let (inputs, outputs) = (stride(layer.inputs), stride(layer.outputs));
    let rows = x.chunks(ROWS * inputs).zip(dx.chunks_mut(ROWS * inputs)).zip(dy.chunks(ROWS * outputs));
    for ((x, dx), dy) in rows {
        // SAFETY: the caller's contract.
        unsafe {
            if x.len() == ROWS * inputs {
                backward_rows::<S, ROWS>(layer, dy, x, dx);
            } else {
                let rows =
                    x.chunks_exact(inputs).zip(dx.chunks_exact_mut(inputs)).zip(dy.chunks_exact(outputs));
                for ((x, dx), dy) in rows {
                    backward_rows::<S, 1>(layer, dy, x, dx);
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn backward_rows<S: Simd, const R: usize>(layer: &Layer, dy: &[f32], x: &[f32], dx: &mut [f32]) {
    let (inputs, outputs) = (stride(layer.inputs), stride(layer.outputs));
    let weights: &[Floats] = layer.weight.value.as_chunks().0;
    let vectors = inputs / LANES;
    for at in 0..vectors {
        let mut sums = [[0.0; LANES]; R];
        for neuron in 0..layer.outputs {
            let w = &weights[neuron * vectors + at];
            for (row, sum) in sums.iter_mut().enumerate() {
                // SAFETY: the caller's contract.
                *sum = unsafe { S::multiply_add([dy[row * outputs + neuron]; LANES], *w, *sum) };
            }
        }
        for (row, sum) in sums.iter().enumerate() {
            let here = row * inputs + at * LANES..row * inputs + (at + 1) * LANES;
            for ((dx, &x), &sum) in dx[here.clone()].iter_mut().zip(&x[here]).zip(sum) {
                *dx = if x > 0.0 { sum } else { 0.0 };
            }
        }
    }
}

/// Vectors of inputs, of two neurons, whose gradients are formed together: 2 · 7 sums in registers, and 784 inputs are
/// 7 · 7 vectors.
const TILE: usize = 7;

#[inline(always)]
unsafe fn step<S: Simd>(layer: &mut Layer, x: &[f32], dy: &[f32], adam: AdamStep) {
    let vectors = stride(layer.inputs) / LANES;
    let dy = dy.chunks_exact(stride(layer.outputs));
    for first in (0..vectors).step_by(TILE) {
        // SAFETY: the caller's contract.
        unsafe {
            if first + TILE <= vectors {
                step_columns::<S, TILE>(layer, x, dy.clone(), adam, first);
            } else {
                (first..vectors).for_each(|at| step_columns::<S, 1>(layer, x, dy.clone(), adam, at));
            }
        }
    }
    for at in 0..stride(layer.outputs) / LANES {
        let mut gradient = [0.0; LANES];
        for dy in dy.clone() {
            let dy = &dy.as_chunks::<LANES>().0[at];
            gradient = std::array::from_fn(|lane| gradient[lane] + dy[lane]);
        }
        // SAFETY: the caller's contract.
        unsafe { update::<S>(&mut layer.bias, at, gradient, adam) };
    }
}

/// The weights of all neurons for `T` vectors of inputs.
#[inline(always)]
unsafe fn step_columns<'a, S: Simd, const T: usize>(
    layer: &mut Layer,
    x: &[f32],
    dy: impl Iterator<Item = &'a [f32]> + Clone,
    adam: AdamStep,
    first: usize,
) {
    for neuron in (0..layer.outputs).step_by(NEURONS) {
        // SAFETY: the caller's contract.
        unsafe {
            if neuron + NEURONS <= layer.outputs {
                step_tile::<S, T, NEURONS>(layer, x, dy.clone(), adam, first, neuron);
            } else {
                step_tile::<S, T, 1>(layer, x, dy.clone(), adam, first, neuron);
            }
        }
    }
}

/// The weights of `N` neurons for `T` vectors of inputs.
#[inline(always)]
unsafe fn step_tile<'a, S: Simd, const T: usize, const N: usize>(
    layer: &mut Layer,
    x: &[f32],
    dy: impl Iterator<Item = &'a [f32]>,
    adam: AdamStep,
    first: usize,
    neuron: usize,
) {
    let inputs = stride(layer.inputs);
    let mut gradients = [[[0.0; LANES]; T]; N];
    for (x, dy) in x.chunks_exact(inputs).zip(dy) {
        let x = &x.as_chunks::<LANES>().0[first..first + T];
        for (gradients, &dy) in gradients.iter_mut().zip(&dy[neuron..neuron + N]) {
            for (gradient, x) in gradients.iter_mut().zip(x) {
                // SAFETY: the caller's contract.
                *gradient = unsafe { S::multiply_add([dy; LANES], *x, *gradient) };
            }
        }
    }
    for (n, gradients) in gradients.into_iter().enumerate() {
        let start = (neuron + n) * (inputs / LANES) + first;
        for (at, gradient) in gradients.into_iter().enumerate() {
            // SAFETY: the caller's contract.
            unsafe { update::<S>(&mut layer.weight, start + at, gradient, adam) };
        }
    }
}

/// Adam on vector `at` of the parameters.
#[inline(always)]
unsafe fn update<S: Simd>(parameters: &mut Moments, at: usize, gradient: Floats, adam: AdamStep) {
    let value: &mut Floats = &mut parameters.value.as_chunks_mut().0[at];
    let mean: &mut Floats = &mut parameters.mean.as_chunks_mut().0[at];
    let square: &mut Floats = &mut parameters.square.as_chunks_mut().0[at];
    let difference = std::array::from_fn(|lane| gradient[lane] - mean[lane]);
    // SAFETY: the caller's contract.
    let (new_mean, new_square) = unsafe {
        let decayed = square.map(|square| square * adam.beta2);
        let scaled = gradient.map(|gradient| gradient * adam.one_minus_beta2);
        (
            S::multiply_add([adam.one_minus_beta1; LANES], difference, *mean),
            S::multiply_add(scaled, gradient, decayed),
        )
    };
    let denominator = new_square.map(|square| square.sqrt() * adam.inverse_root + adam.epsilon);
    *value = std::array::from_fn(|lane| value[lane] - adam.step_size * new_mean[lane] / denominator[lane]);
    *mean = new_mean;
    *square = new_square;
}
