//! The product on packed weights, for every kernel but the scalar one: the same panels, tiles and skipping of zeros as the
//! integers' (see `int8/packed.rs`), with inputs one by one instead of in groups of four.
//!
//! ```text
//! panel 0:  input 0 │ neurons 0..16 │ neurons 16..32 │ …
//!           input 1 │ neurons 0..16 │ …
//! panel 1:  …
//! ```

use super::Weights;
use crate::simd::{Floats, LANES, MAX_GROUPS, Simd, dispatch};

/// Vectors of neurons in a panel: with four rows, 28 of AVX-512's 32 registers.
const PANEL: usize = 7;
/// Rows of a tile.
const ROWS: usize = 4;

/// Packs row-major `weights` `[outputs, inputs]` into panels.
pub(super) fn pack(weights: &[f32], outputs: usize, inputs: usize) -> Vec<f32> {
    let mut packed = Vec::with_capacity(outputs.next_multiple_of(LANES) * inputs);
    for panel in (0..outputs).step_by(PANEL * LANES) {
        let neurons = panel..(panel + PANEL * LANES).min(outputs.next_multiple_of(LANES));
        for input in 0..inputs {
            let weight = |neuron| if neuron < outputs { weights[neuron * inputs + input] } else { 0.0 };
            packed.extend(neurons.clone().map(weight));
        }
    }
    packed
}

pub(super) fn forward(w: &Weights, x: &[f32], bias: &[f32], relu: bool, out: &mut [f32]) {
    #[inline(always)]
    unsafe fn run<S: Simd>(w: &Weights, x: &[f32], bias: &[f32], relu: bool, out: &mut [f32]) {
        let mut values = &w.values[..];
        for first in (0..w.outputs).step_by(PANEL * LANES) {
            let vectors = (w.outputs - first).div_ceil(LANES).min(PANEL);
            let (panel, rest) = values.split_at(w.inputs * vectors * LANES);
            values = rest;
            let layer = Layer { w, bias, relu, first };
            // SAFETY: the caller's contract.
            unsafe {
                match vectors {
                    1 => layer.panel::<S, 1>(panel, x, out),
                    2 => layer.panel::<S, 2>(panel, x, out),
                    3 => layer.panel::<S, 3>(panel, x, out),
                    4 => layer.panel::<S, 4>(panel, x, out),
                    5 => layer.panel::<S, 5>(panel, x, out),
                    6 => layer.panel::<S, 6>(panel, x, out),
                    _ => layer.panel::<S, PANEL>(panel, x, out),
                }
            }
        }
    }
    dispatch!(w.kernel, run(w: &Weights, x: &[f32], bias: &[f32], relu: bool, out: &mut [f32]));
}

/// The weights of one input for `V` vectors of neurons.
type Input<const V: usize> = [Floats; V];

/// A layer at one of its panels.
struct Layer<'a> {
    w: &'a Weights,
    bias: &'a [f32],
    relu: bool,
    /// The panel's first neuron.
    first: usize,
}

impl Layer<'_> {
    /// All rows through one panel of `V` vectors.
    #[inline(always)]
    unsafe fn panel<S: Simd, const V: usize>(&self, panel: &[f32], x: &[f32], out: &mut [f32]) {
        let panel: &[Input<V>] = panel.as_chunks::<LANES>().0.as_chunks::<V>().0;
        let (inputs, outputs) = (self.w.inputs, self.w.outputs);
        for (x, out) in x.chunks(ROWS * inputs).zip(out.chunks_mut(ROWS * outputs)) {
            // SAFETY: the caller's contract.
            unsafe {
                if x.len() == ROWS * inputs && is_dense(x) {
                    let sums = tile::<S, V>(panel, std::array::from_fn(|row| &x[row * inputs..][..inputs]));
                    for (row, sums) in sums.iter().enumerate() {
                        self.finish(sums, &mut out[row * outputs..][..outputs]);
                    }
                } else {
                    for (x, out) in x.chunks_exact(inputs).zip(out.chunks_exact_mut(outputs)) {
                        self.finish(&sparse_row::<S, V>(panel, x), out);
                    }
                }
            }
        }
    }

    /// Adds the bias and applies ReLU.
    #[inline(always)]
    fn finish<const V: usize>(&self, sums: &[Floats; V], out: &mut [f32]) {
        let (out, bias) = (&mut out[self.first..], &self.bias[self.first..]);
        for ((out, bias), sum) in out.iter_mut().zip(bias).zip(sums.as_flattened()) {
            let y = sum + bias;
            *out = if self.relu && y < 0.0 { 0.0 } else { y };
        }
    }
}

/// Whether a tile of rows has so few zeros that going through it dense, four rows at a time, is faster.
fn is_dense(x: &[f32]) -> bool {
    // One value in eight is enough to tell a digit from noise.
    let sample = x.iter().step_by(8);
    2 * sample.clone().filter(|&&x| x != 0.0).count() > sample.len()
}

/// The sums of one row, from the inputs that are not 0, two at a time so that two chains of sums are in flight.
#[inline(always)]
unsafe fn sparse_row<S: Simd, const V: usize>(panel: &[Input<V>], x: &[f32]) -> [Floats; V] {
    // SAFETY: four bytes for every float, with no demand on alignment.
    let bits: &[[u8; 4]] = unsafe { std::slice::from_raw_parts(x.as_ptr().cast(), x.len()) };
    let mut found = [0; MAX_GROUPS];
    let mut even = [[0.0; LANES]; V];
    let mut odd = [[0.0; LANES]; V];
    // SAFETY: the caller's contract.
    unsafe {
        let blocks = x.chunks(MAX_GROUPS).zip(bits.chunks(MAX_GROUPS)).zip(panel.chunks(MAX_GROUPS));
        for ((x, bits), panel) in blocks {
            let count = S::nonzero_groups(bits, &mut found);
            let (pairs, last) = found[..count].as_chunks::<2>();
            for &[a, b] in pairs {
                add_input::<S, V>(&mut even, x[usize::from(a)], &panel[usize::from(a)]);
                add_input::<S, V>(&mut odd, x[usize::from(b)], &panel[usize::from(b)]);
            }
            for &a in last {
                add_input::<S, V>(&mut even, x[usize::from(a)], &panel[usize::from(a)]);
            }
        }
    }
    std::array::from_fn(|v| std::array::from_fn(|lane| even[v][lane] + odd[v][lane]))
}

/// The sums of four rows.
#[inline(always)]
unsafe fn tile<S: Simd, const V: usize>(panel: &[Input<V>], x: [&[f32]; ROWS]) -> [[Floats; V]; ROWS] {
    let mut sums = [[[0.0; LANES]; V]; ROWS];
    for (number, weights) in panel.iter().enumerate() {
        for (sums, row) in sums.iter_mut().zip(x) {
            // SAFETY: the caller's contract.
            unsafe { add_input::<S, V>(sums, row[number], weights) };
        }
    }
    sums
}

#[inline(always)]
unsafe fn add_input<S: Simd, const V: usize>(sums: &mut [Floats; V], x: f32, weights: &Input<V>) {
    for (sums, weights) in sums.iter_mut().zip(weights) {
        // SAFETY: the caller's contract.
        *sums = unsafe { S::multiply_add([x; LANES], *weights, *sums) };
    }
}
