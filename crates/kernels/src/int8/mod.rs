//! `u8 · i8 → i32` products with the output stage fused: what a quantized linear layer does.
//!
//! With `x` the quantized activations `[batch, inputs]`, `zx` their zero point and `w` the weights `[outputs, inputs]`
//! (zero point 0), every kernel computes the exact integer `acc[b][o] = Σ_i (x[b][i] - zx) · w[o][i]` and hands it to one
//! of the output stages: [`Requantize`] (static quantization) or [`Dequantize`] (dynamic quantization). The number of rows
//! is always `x.len() / inputs`. Activations may be any `u8`: calibration aims at 0..=127, but values above do occur.

#[cfg(kernel = "scalar")]
mod scalar;
mod stage;
mod tensor;
#[cfg(target_arch = "x86_64")]
mod tiles;

use crate::gemm::Panels;
pub use crate::simd::Output;
use crate::simd::{LANES, Line, Simd, TableLine, Work};
use crate::{Kernel, lookup};
pub use stage::{Dequantize, Requantize};
pub use tensor::{extremes, min_max, quantize};

use stage::{Dequantized, Layer, Sums};

/// A weight matrix `[outputs, inputs]` packed for one kernel.
#[derive(Clone, Debug)]
pub struct Weights {
    kernel: Kernel,
    inputs: usize,
    outputs: usize,
    values: Values,
    /// For many rows, where there are tiles; it costs the weights' bytes once more.
    #[cfg(target_arch = "x86_64")]
    tiles: Option<tiles::Tiles>,
    /// `Σ_i w[o][i]` of each neuron: what a zero point other than 0 is corrected with.
    sums: Vec<[i32; LANES]>,
}

#[derive(Clone, Debug)]
enum Values {
    /// For the scalar kernel.
    #[cfg(kernel = "scalar")]
    Groups(Vec<scalar::Group>),
    /// For the others.
    Panels(Panels),
}

/// The greatest number of inputs whose sum of products surely fits an `i32`.
pub const MAX_INPUTS: usize = 1 << 15;

impl Weights {
    /// Packs `weights`, row-major `[outputs, inputs]`, for `kernel`.
    ///
    /// # Panics
    /// If `weights` does not hold `outputs · inputs` values, or `inputs` is 0 or more than [`MAX_INPUTS`].
    pub fn pack(kernel: Kernel, weights: &[i8], outputs: usize, inputs: usize) -> Self {
        assert_eq!(weights.len(), outputs * inputs, "a weight for each input of each output");
        assert!((1..=MAX_INPUTS).contains(&inputs), "{inputs} inputs, expected 1 to {MAX_INPUTS}");
        // A build can have no other kernel than one of these.
        #[allow(unreachable_patterns)]
        let values = match kernel {
            #[cfg(kernel = "scalar")]
            Kernel::Scalar => Values::Groups(scalar::pack(weights, outputs, inputs)),
            _ => Values::Panels(panels(kernel, weights, outputs, inputs)),
        };
        #[cfg(target_arch = "x86_64")]
        let tiles = match kernel {
            Kernel::Amx(amx) => tiles::Tiles::pack(amx, weights, outputs, inputs),
            _ => None,
        };
        let sums = weights.chunks_exact(inputs).map(|row| row.iter().map(|&w| i32::from(w)).sum());
        let sums = stage::in_vectors(&sums.collect::<Vec<i32>>());
        Self {
            kernel,
            inputs,
            outputs,
            values,
            #[cfg(target_arch = "x86_64")]
            tiles,
            sums,
        }
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
        self.product(x, x_zero_point, &Sums, acc);
    }

    /// A static layer: [`accumulate`](Self::accumulate), then [`Requantize`]. `out` is `[batch, outputs]`.
    ///
    /// # Panics
    /// If `x` and `out` do not hold the same whole number of rows, or `stage` is not of this layer's outputs.
    pub fn requantize(&self, x: &[u8], x_zero_point: u8, stage: &Requantize, out: &mut [u8]) {
        self.product(x, x_zero_point, stage, out);
    }

    /// A dynamic layer: [`accumulate`](Self::accumulate), then [`Dequantize`]. `out` is `[batch, outputs]`.
    ///
    /// # Panics
    /// If `x` and `out` do not hold the same whole number of rows, or `stage` is not of this layer's outputs.
    pub fn dequantize(&self, x: &[u8], x_zero_point: u8, x_scale: f32, stage: &Dequantize, out: &mut [f32]) {
        self.product(x, x_zero_point, &Dequantized { stage, x_scale }, out);
    }

    /// How many multiply-adds a product of these rows takes: groups of activations that are 0 are skipped, as far as that is worth
    /// a search. `x` is `[batch, inputs]`. For measurements: a saving is no utilisation.
    pub fn multiply_adds(&self, x: &[u8]) -> usize {
        #[cfg(target_arch = "x86_64")]
        if self.tiles.as_ref().is_some_and(|tiles| tiles.take(x)) {
            return x.len() * self.outputs;
        }
        let groups = match &self.values {
            #[cfg(kernel = "scalar")]
            Values::Groups(_) => {
                x.chunks(self.inputs).flat_map(|x| x.chunks(4)).filter(|x| x.iter().any(|&x| x != 0)).count()
            }
            Values::Panels(panels) => panels.groups_read(self.kernel, x),
        };
        (4 * groups).min(x.len()) * self.outputs
    }

    fn product<T: stage::Stage>(&self, x: &[u8], zero_point: u8, stage: &T, out: &mut [T::Out]) {
        assert!(x.len().is_multiple_of(self.inputs), "whole rows of {} activations", self.inputs);
        assert_eq!(x.len() / self.inputs * self.outputs, out.len(), "an output for each row and neuron");
        stage.check(self.outputs);
        let layer = Layer { zero_point, weight_sums: &self.sums, stage };
        #[cfg(target_arch = "x86_64")]
        if self.tiles.as_ref().is_some_and(|tiles| tiles.product(&layer, x, out)) {
            return;
        }
        match &self.values {
            #[cfg(kernel = "scalar")]
            Values::Groups(groups) => {
                let shape = (self.inputs, self.outputs);
                scalar::product(groups, &self.sums, shape, x, zero_point, stage, out);
            }
            Values::Panels(panels) => {
                panels.product(self.kernel, &layer, x, out);
            }
        }
    }
}

/// Weights as a kernel other than the scalar one reads them.
fn panels(kernel: Kernel, weights: &[i8], outputs: usize, inputs: usize) -> Panels {
    let group = |neuron, group| {
        let row = &weights[neuron * inputs..][..inputs];
        std::array::from_fn(|at| row.get(4 * group + at).map_or(0, |&weight| weight as u8))
    };
    Panels::pack(outputs, inputs, group, kernel.run(Arrangement))
}

/// The order in which a kernel reads a line.
struct Arrangement;

impl Work for Arrangement {
    type Output = fn(Line) -> Line;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> fn(Line) -> Line {
        S::arrange
    }
}

/// A table that quantizes pixels, of which there are only 256, as a kernel reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PixelTable {
    kernel: Kernel,
    values: [u8; 256],
    line: Option<TableLine>,
}

impl PixelTable {
    /// The table of the values of pixels 0 to 255. It takes some time to prepare; [`lookup`] does without.
    pub fn new(kernel: Kernel, values: [u8; 256]) -> Self {
        Self { kernel, values, line: kernel.run(lookup::LineFor(&values)) }
    }

    /// `out[i] = table[x[i]]`.
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn lookup(&self, x: &[u8], out: &mut [u8]) {
        assert_eq!(x.len(), out.len(), "an output for each pixel");
        self.kernel.run(lookup::Bytes { table: &self.values, line: self.line, x, out });
    }
}

/// `out[i] = table[x[i]]`: quantizes pixels, of which there are only 256.
///
/// # Panics
/// If the slices differ in length.
pub fn lookup(kernel: Kernel, table: &[u8; 256], x: &[u8], out: &mut [u8]) {
    assert_eq!(x.len(), out.len(), "an output for each pixel");
    kernel.run(lookup::Bytes { table, line: None, x, out });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_zero_takes_no_multiply_adds() {
        let (rows, inputs, outputs) = (12, 784, 20);
        let all = rows * inputs * outputs;
        let mut x = vec![0; rows * inputs];
        // The same four inputs of every row; and of every sixth row four others.
        for (number, row) in x.chunks_exact_mut(inputs).enumerate() {
            row[41] = 1;
            row[400] = u8::from(number % 6 == 0);
        }
        for kernel in Kernel::available() {
            let weights = Weights::pack(kernel, &vec![1; outputs * inputs], outputs, inputs);
            assert_eq!(weights.multiply_adds(&vec![7; rows * inputs]), all, "{}", kernel.name());
            assert_eq!(weights.multiply_adds(&vec![0; rows * inputs]), 0, "{}", kernel.name());
            // Rows that go together, one to three of them, skip what is 0 in all.
            let taken = weights.multiply_adds(&x) / (4 * outputs);
            assert!(
                [1, 2, 3].map(|together| rows + 2 * together).contains(&taken),
                "{}: {taken}",
                kernel.name()
            );
            let small = Weights::pack(kernel, &vec![1; outputs * 100], outputs, 100);
            let taken = small.multiply_adds(&[0; 100]) / outputs;
            assert!([0, 100].contains(&taken), "a row of few groups may be multiplied whole: {taken}");
        }
    }

    /// The panels' algorithm on plain Rust, which is compiled for this test alone: of the panels, Miri can run no other.
    #[test]
    fn panels_of_plain_rust_give_the_scalar_sums() {
        // Up to two panels of neurons, more groups than are found at a time, and rows enough for turns.
        for (batch, inputs, outputs) in
            [(1, 1, 1), (1, 7, 17), (3, 4, 16), (9, 23, 113), (1, 4105, 2), (5, 4105, 2), (8, 12, 130)]
        {
            for background in [0, 1, 40] {
                let mut state = 1u32;
                let mut random = || {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                };
                let mut pixel = || if random() < 6 * background { 0 } else { random() };
                let x: Vec<u8> = (0..batch * inputs).map(|_| pixel()).collect();
                let w: Vec<i8> = (0..outputs * inputs).map(|_| random() as i8).collect();
                let scalar = Weights::pack(Kernel::Scalar, &w, outputs, inputs);
                let values = Values::Panels(panels(Kernel::Scalar, &w, outputs, inputs));
                let packed = Weights { values, ..scalar.clone() };
                let [mut expected, mut found] = [vec![0; batch * outputs], vec![0; batch * outputs]];
                scalar.accumulate(&x, 17, &mut expected);
                packed.accumulate(&x, 17, &mut found);
                assert_eq!(found, expected, "{batch} × {inputs} → {outputs}");
            }
        }
    }
}
