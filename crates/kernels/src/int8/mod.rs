//! `u8 · i8 → i32` products with the output stage fused: what a quantized linear layer does.
//!
//! With `x` the quantized activations `[batch, inputs]`, `zx` their zero point and `w` the weights `[outputs, inputs]`
//! (zero point 0), every kernel computes the exact integer `acc[b][o] = Σ_i (x[b][i] - zx) · w[o][i]` and hands it to one
//! of the output stages: [`Requantize`] (static quantization) or [`Dequantize`] (dynamic quantization). The number of rows
//! is always `x.len() / inputs`. Activations may be any `u8`: calibration aims at 0..=127, but values above do occur.

mod scalar;

use crate::Kernel;

/// The output stage of a static layer: an exact sum becomes the next layer's `u8`.
///
/// `t = fma(addend[o], factor, acc as f32)`, `out = clamp(rint(t * multiplier[o]) + zero_point, floor, 255)`, in `f32`
/// rounded to nearest even after each operation. With `addend = bias` and `factor = 1/(sx·sw)` that is FBGEMM's
/// per-tensor requantization; with `addend = bias/(sx·sw[o])` and `factor = 1` its per-channel one, because
/// `fma(a, 1, b)` is `a + b`.
#[derive(Clone, Debug, PartialEq)]
pub struct Requantize {
    /// One addend for each output.
    pub addend: Vec<f32>,
    /// What the addend is multiplied by, inside the fused multiply-add.
    pub factor: f32,
    /// One multiplier for each output: `sx·sw/sy`.
    pub multiplier: Vec<f32>,
    /// The output's zero point, added after rounding.
    pub zero_point: u8,
    /// The least output: the zero point where ReLU is fused, else 0.
    pub floor: u8,
}

/// The output stage of a dynamic layer: an exact sum becomes a real number.
///
/// `y = fma(acc as f32, x_scale * weight_scale[o], bias[o])`, and `max(y, 0)` with `relu`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dequantize {
    /// One weight scale for each output.
    pub weight_scale: Vec<f32>,
    /// One bias for each output.
    pub bias: Vec<f32>,
    /// Whether negative results become 0.
    pub relu: bool,
}

/// A weight matrix `[outputs, inputs]` packed for one kernel.
#[derive(Clone, Debug)]
pub struct Weights {
    kernel: Kernel,
    inputs: usize,
    outputs: usize,
    packed: Vec<i8>,
}

impl Weights {
    /// Packs `weights`, row-major `[outputs, inputs]`, for `kernel`.
    ///
    /// # Panics
    /// If `weights` does not hold `outputs · inputs` values.
    pub fn pack(kernel: Kernel, weights: &[i8], outputs: usize, inputs: usize) -> Self {
        assert_eq!(weights.len(), outputs * inputs, "a weight for each input of each output");
        Self { kernel, inputs, outputs, packed: weights.to_vec() }
    }

    /// The kernel the weights are packed for.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// The number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// `acc[b][o] = Σ_i (x[b][i] - x_zero_point) · w[o][i]`, exactly. `x` is `[batch, inputs]`, `acc` `[batch, outputs]`.
    ///
    /// # Panics
    /// If `x` and `acc` do not hold the same whole number of rows.
    pub fn accumulate(&self, x: &[u8], x_zero_point: u8, acc: &mut [i32]) {
        self.check(x, acc.len());
        scalar::accumulate(self, x, x_zero_point, acc);
    }

    /// A static layer: [`accumulate`](Self::accumulate), then [`Requantize`]. `out` is `[batch, outputs]`.
    ///
    /// # Panics
    /// If `x` and `out` do not hold the same whole number of rows.
    pub fn requantize(&self, x: &[u8], x_zero_point: u8, stage: &Requantize, out: &mut [u8]) {
        self.check(x, out.len());
        scalar::requantize(self, x, x_zero_point, stage, out);
    }

    /// A dynamic layer: [`accumulate`](Self::accumulate), then [`Dequantize`]. `out` is `[batch, outputs]`.
    ///
    /// # Panics
    /// If `x` and `out` do not hold the same whole number of rows.
    pub fn dequantize(&self, x: &[u8], x_zero_point: u8, x_scale: f32, stage: &Dequantize, out: &mut [f32]) {
        self.check(x, out.len());
        scalar::dequantize(self, x, x_zero_point, x_scale, stage, out);
    }

    fn check(&self, x: &[u8], out: usize) {
        assert!(x.len().is_multiple_of(self.inputs), "whole rows of {} activations", self.inputs);
        assert_eq!(x.len() / self.inputs * self.outputs, out, "an output for each row and neuron");
    }
}

/// `out[i] = table[x[i]]`: quantizes pixels, of which there are only 256.
///
/// # Panics
/// If the slices differ in length.
pub fn lookup(_kernel: Kernel, table: &[u8; 256], x: &[u8], out: &mut [u8]) {
    assert_eq!(x.len(), out.len(), "an output for each pixel");
    for (out, &x) in out.iter_mut().zip(x) {
        *out = table[x as usize];
    }
}

/// Quantizes reals: `clamp(rint(x · inverse_scale) + zero_point, 0, 255)`, the zero point added after rounding.
///
/// # Panics
/// If the slices differ in length.
pub fn quantize(_kernel: Kernel, x: &[f32], inverse_scale: f32, zero_point: u8, out: &mut [u8]) {
    assert_eq!(x.len(), out.len(), "an output for each value");
    for (out, &x) in out.iter_mut().zip(x) {
        *out = scalar::quantize_one(x, inverse_scale, zero_point);
    }
}

/// The least and the greatest of `x` and 0.
pub fn min_max(_kernel: Kernel, x: &[f32]) -> (f32, f32) {
    x.iter().fold((0.0, 0.0), |(min, max), &x| (x.min(min), x.max(max)))
}
