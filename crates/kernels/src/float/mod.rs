//! `f32` products: what a linear layer does, forwards.

#[cfg(kernel = "scalar")]
mod scalar;

use crate::gemm::{Panels, Product};
use crate::simd::{LANES, Line, Simd};
use crate::{Kernel, lookup};

/// A weight matrix `[outputs, inputs]` packed for one kernel.
#[derive(Clone, Debug)]
pub struct Weights {
    kernel: Kernel,
    inputs: usize,
    outputs: usize,
    values: Values,
}

#[derive(Clone, Debug)]
enum Values {
    /// Row-major, for the scalar kernel.
    #[cfg(kernel = "scalar")]
    Rows(Vec<f32>),
    /// For the others.
    Panels(Panels),
}

impl Weights {
    /// Packs `weights`, row-major `[outputs, inputs]`, for `kernel`.
    ///
    /// # Panics
    /// If `weights` does not hold `outputs · inputs` values, or `inputs` is 0.
    pub fn pack(kernel: Kernel, weights: &[f32], outputs: usize, inputs: usize) -> Self {
        assert_eq!(weights.len(), outputs * inputs, "a weight for each input of each output");
        assert!(inputs > 0, "no inputs, expected at least 1");
        // A build can have no other kernel than one of these.
        #[allow(unreachable_patterns)]
        let values = match kernel {
            #[cfg(kernel = "scalar")]
            Kernel::Scalar => Values::Rows(weights.to_vec()),
            _ => Values::Panels(panels(weights, outputs, inputs)),
        };
        Self { kernel, inputs, outputs, values }
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

    /// `out[b][o] = Σ_i x[b][i] · w[o][i] + bias[o]`, and `max(…, 0)` with `relu`. `x` is `[batch, inputs]`, `out`
    /// `[batch, outputs]`. Rows that are mostly 0 take less time.
    ///
    /// # Panics
    /// If `x` and `out` do not hold the same whole number of rows, or `bias` is not of one value an output.
    pub fn forward(&self, x: &[f32], bias: &[f32], relu: bool, out: &mut [f32]) {
        assert!(x.len().is_multiple_of(self.inputs), "whole rows of {} activations", self.inputs);
        assert_eq!(x.len() / self.inputs * self.outputs, out.len(), "an output for each row and neuron");
        assert_eq!(bias.len(), self.outputs, "a bias for each neuron");
        match &self.values {
            #[cfg(kernel = "scalar")]
            Values::Rows(weights) => scalar::forward(weights, self.inputs, x, bias, relu, out),
            Values::Panels(panels) => panels.product(self.kernel, &Layer { bias, relu }, bytes(x), out),
        }
    }

    /// How many multiply-adds [`forward`](Self::forward) takes for these rows: activations that are 0 are skipped, as far as that
    /// is worth a search. `x` is `[batch, inputs]`. For measurements: a saving is no utilisation.
    pub fn multiply_adds(&self, x: &[f32]) -> usize {
        let read = match &self.values {
            #[cfg(kernel = "scalar")]
            Values::Rows(_) => x.len(),
            Values::Panels(panels) => panels.groups_read(self.kernel, bytes(x)),
        };
        read * self.outputs
    }
}

/// `out[i] = table[x[i]]`: makes reals of pixels, of which there are only 256.
///
/// # Panics
/// If the slices differ in length.
pub fn lookup(kernel: Kernel, table: &[f32; 256], x: &[u8], out: &mut [f32]) {
    assert_eq!(x.len(), out.len(), "an output for each pixel");
    kernel.run(lookup::Reals { table, x, out });
}

/// Weights as a kernel other than the scalar one reads them.
fn panels(weights: &[f32], outputs: usize, inputs: usize) -> Panels {
    let weight = |neuron: usize, input: usize| weights[neuron * inputs + input].to_ne_bytes();
    Panels::pack(outputs, 4 * inputs, weight, |line| line)
}

/// A layer's products on reals: sums, a bias, and ReLU.
struct Layer<'a> {
    bias: &'a [f32],
    relu: bool,
}

impl Product for Layer<'_> {
    type Sums<S: Simd> = S::Reals;
    type Out = f32;

    #[inline(always)]
    fn zero<S: Simd>(simd: S) -> S::Reals {
        simd.splat(0.0)
    }

    #[inline(always)]
    fn start<S: Simd, const V: usize>(&self, simd: S, first: usize) -> [S::Reals; V] {
        let mut bias = [[0.0; LANES]; V];
        for (padded, bias) in bias.as_flattened_mut().iter_mut().zip(&self.bias[first * LANES..]) {
            *padded = *bias;
        }
        let mut sums = [simd.splat(0.0); V];
        for (sums, bias) in sums.iter_mut().zip(&bias) {
            *sums = simd.load(bias);
        }
        sums
    }

    #[inline(always)]
    fn step<S: Simd, const V: usize>(simd: S, sums: &mut [S::Reals; V], x: [u8; 4], w: &[Line; V]) {
        for (sums, w) in sums.iter_mut().zip(w) {
            *sums = simd.accumulate(simd.splat(f32::from_ne_bytes(x)), simd.load(w.reals()), *sums);
        }
    }

    #[inline(always)]
    fn first_register<S: Simd>(simd: S, sums: S::Reals) -> S::Reals {
        let mut lanes = simd.store(sums);
        lanes[S::REGISTER..].fill(0.0);
        simd.load(&lanes)
    }

    #[inline(always)]
    fn add<S: Simd>(simd: S, a: S::Reals, b: S::Reals) -> S::Reals {
        simd.add(a, b)
    }

    #[inline(always)]
    fn finish<S: Simd, const V: usize>(&self, simd: S, _: usize, sums: [S::Reals; V]) -> [[f32; LANES]; V] {
        let mut out = [[0.0; LANES]; V];
        for (out, y) in out.iter_mut().zip(sums) {
            *out = simd.store(if self.relu { simd.max(y, simd.splat(0.0)) } else { y });
        }
        out
    }
}

/// The bytes of real numbers.
fn bytes(x: &[f32]) -> &[u8] {
    // SAFETY: four bytes for every number, each of them initialised, and no alignment to keep.
    unsafe { std::slice::from_raw_parts(x.as_ptr().cast(), size_of_val(x)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The panels' algorithm on plain Rust, which is compiled for this test alone: of the panels, Miri can run no other.
    #[test]
    fn panels_of_plain_rust_give_the_scalar_sums() {
        for (batch, inputs, outputs) in [(1, 1, 1), (1, 7, 17), (9, 23, 113), (5, 1030, 2)] {
            // Small whole numbers: their sums are exact, whatever the order.
            let numbers = |count: usize, step: usize| -> Vec<f32> {
                (0..count).map(|at| (at * step % 7) as f32 - 2.0).collect()
            };
            let (x, w) = (numbers(batch * inputs, 5), numbers(outputs * inputs, 3));
            let bias = numbers(outputs, 1);
            let scalar = Weights::pack(Kernel::Scalar, &w, outputs, inputs);
            let packed = Weights { values: Values::Panels(panels(&w, outputs, inputs)), ..scalar.clone() };
            let [mut expected, mut found] = [vec![0.0; batch * outputs], vec![0.0; batch * outputs]];
            scalar.forward(&x, &bias, true, &mut expected);
            packed.forward(&x, &bias, true, &mut found);
            assert_eq!(found, expected, "{batch} × {inputs} → {outputs}");
        }
    }
}
