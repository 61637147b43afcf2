//! The product on packed weights, for every kernel but the scalar one.
//!
//! Outputs are cut into panels of up to seven vectors of sixteen neurons (112: the hidden layers' hundred fit one), inputs
//! into groups of four. A panel is contiguous, group after group, so that a product walks memory forwards:
//!
//! ```text
//! panel 0:  group 0 │ neurons 0..16 × inputs 0..4 │ neurons 16..32 × inputs 0..4 │ … (64 bytes each)
//!           group 1 │ neurons 0..16 × inputs 4..8 │ …
//!           …
//! panel 1:  …
//! ```
//!
//! Neurons and inputs behind the last are weights of 0. A product keeps a panel's sums in registers, broadcasts a group of
//! four activations, and adds its products to the sums of all the panel's neurons.
//!
//! - **One image** skips the groups whose four activations are 0: they add nothing to Σ x·w, exactly (the zero point is
//!   corrected from the neurons' sums of weights). Background quantizes to 0 wherever calibration saw background, and so
//!   do most activations behind a fused ReLU; of a digit's groups three in four are skipped.
//! - **Dense rows** go four at a time, so that a weight that was loaded serves four times.

use super::Weights;
use super::stage::{Stage, vector};
use crate::simd::{LANES, MAX_GROUPS, Simd, dispatch};

/// Vectors of neurons in a panel: with four rows, 28 of AVX-512's 32 registers.
const PANEL: usize = 7;
/// Rows of a tile.
const ROWS: usize = 4;

/// Packs row-major `weights` `[outputs, inputs]` into panels.
pub(super) fn pack(weights: &[i8], outputs: usize, inputs: usize) -> Vec<i8> {
    let mut packed = Vec::with_capacity(outputs.next_multiple_of(LANES) * inputs.next_multiple_of(4));
    for panel in (0..outputs).step_by(PANEL * LANES) {
        let neurons = panel..(panel + PANEL * LANES).min(outputs.next_multiple_of(LANES));
        for group in (0..inputs).step_by(4) {
            for neuron in neurons.clone() {
                let weight = |input| {
                    if neuron < outputs && input < inputs { weights[neuron * inputs + input] } else { 0 }
                };
                packed.extend((group..group + 4).map(weight));
            }
        }
    }
    packed
}

/// `out[b][o] = stage(Σ_i (x[b][i] - zx) · w[o][i])`.
pub(super) fn product<T: Stage>(w: &Weights, x: &[u8], zx: u8, stage: &T, out: &mut [T::Out]) {
    #[inline(always)]
    unsafe fn run<S: Simd, T: Stage>(w: &Weights, x: &[u8], zx: u8, stage: &T, out: &mut [T::Out]) {
        let groups = w.inputs.div_ceil(4);
        let mut values = &w.values[..];
        for first in (0..w.outputs).step_by(PANEL * LANES) {
            let vectors = (w.outputs - first).div_ceil(LANES).min(PANEL);
            let (panel, rest) = values.split_at(groups * vectors * 4 * LANES);
            values = rest;
            let layer = Layer { w, zx, stage, first };
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
    dispatch!(w.kernel, run<T: Stage>(w: &Weights, x: &[u8], zx: u8, stage: &T, out: &mut [T::Out]));
}

/// The weights of four inputs for `V` vectors of neurons.
type Group<const V: usize> = [[i8; 4 * LANES]; V];

/// A layer at one of its panels.
struct Layer<'a, T> {
    w: &'a Weights,
    zx: u8,
    stage: &'a T,
    /// The panel's first neuron.
    first: usize,
}

impl<T: Stage> Layer<'_, T> {
    /// All rows through one panel of `V` vectors.
    #[inline(always)]
    unsafe fn panel<S: Simd, const V: usize>(&self, panel: &[i8], x: &[u8], out: &mut [T::Out]) {
        let panel: &[Group<V>] = panel.as_chunks::<{ 4 * LANES }>().0.as_chunks::<V>().0;
        let (inputs, outputs) = (self.w.inputs, self.w.outputs);
        let tiles = x.chunks(ROWS * inputs).zip(out.chunks_mut(ROWS * outputs));
        for (x, out) in tiles {
            // SAFETY: the caller's contract.
            unsafe {
                if x.len() == ROWS * inputs && is_dense(x) {
                    let sums = tile::<S, V>(panel, std::array::from_fn(|row| &x[row * inputs..][..inputs]));
                    for (row, sums) in sums.into_iter().enumerate() {
                        self.finish::<S, V>(sums, &mut out[row * outputs..][..outputs]);
                    }
                } else {
                    for (x, out) in x.chunks_exact(inputs).zip(out.chunks_exact_mut(outputs)) {
                        self.finish::<S, V>(sparse_row::<S, V>(panel, x), out);
                    }
                }
            }
        }
    }

    /// Corrects the zero point and applies the output stage.
    #[inline(always)]
    unsafe fn finish<S: Simd, const V: usize>(&self, sums: [S::Sums; V], out: &mut [T::Out]) {
        for (at, sums) in sums.into_iter().enumerate() {
            let neuron = self.first + at * LANES;
            let weights = vector(&self.w.sums, neuron);
            // SAFETY: the caller's contract.
            let values = unsafe {
                let sums = S::to_array(sums);
                let corrected = std::array::from_fn(|lane| sums[lane] - i32::from(self.zx) * weights[lane]);
                self.stage.apply::<S>(neuron, corrected)
            };
            match out[neuron..].first_chunk_mut() {
                Some(whole) => *whole = values,
                None => {
                    let tail = &mut out[neuron..];
                    tail.copy_from_slice(&values[..tail.len()]);
                }
            }
        }
    }
}

/// Whether a tile of rows has so few zeros that going through it dense, four rows at a time, is faster.
fn is_dense(x: &[u8]) -> bool {
    // One group in eight is enough to tell a digit from noise.
    let groups = x.as_chunks::<4>().0;
    let (sample, ink) = groups.iter().step_by(8).fold((0, 0), |(sample, ink), group| {
        (sample + 1, ink + usize::from(u32::from_ne_bytes(*group) != 0))
    });
    2 * ink > sample
}

/// The sums of one row, from the groups that are not all 0, two at a time so that two chains of sums are in flight.
#[inline(always)]
unsafe fn sparse_row<S: Simd, const V: usize>(panel: &[Group<V>], x: &[u8]) -> [S::Sums; V] {
    let (groups, tail) = x.as_chunks::<4>();
    let mut found = [0; MAX_GROUPS];
    // SAFETY: the caller's contract.
    unsafe {
        let mut even = [S::zero(); V];
        let mut odd = [S::zero(); V];
        for (groups, panel) in groups.chunks(MAX_GROUPS).zip(panel.chunks(MAX_GROUPS)) {
            let count = S::nonzero_groups(groups, &mut found);
            let (pairs, last) = found[..count].as_chunks::<2>();
            for &[a, b] in pairs {
                add_group::<S, V>(&mut even, groups[usize::from(a)], &panel[usize::from(a)]);
                add_group::<S, V>(&mut odd, groups[usize::from(b)], &panel[usize::from(b)]);
            }
            for &a in last {
                add_group::<S, V>(&mut even, groups[usize::from(a)], &panel[usize::from(a)]);
            }
        }
        if !tail.is_empty() {
            add_group::<S, V>(&mut odd, padded_group(tail), &panel[groups.len()]);
        }
        std::array::from_fn(|v| S::add(even[v], odd[v]))
    }
}

/// The sums of `R` rows.
#[inline(always)]
unsafe fn tile<S: Simd, const V: usize>(panel: &[Group<V>], x: [&[u8]; ROWS]) -> [[S::Sums; V]; ROWS] {
    let rows = x.map(|row| row.as_chunks::<4>());
    let whole = rows[0].0.len();
    // SAFETY: the caller's contract.
    unsafe {
        let mut sums = [[S::zero(); V]; ROWS];
        for (number, group) in panel[..whole].iter().enumerate() {
            for (sums, (row, _)) in sums.iter_mut().zip(&rows) {
                add_group::<S, V>(sums, row[number], group);
            }
        }
        if let Some(group) = panel.get(whole) {
            for (sums, (_, tail)) in sums.iter_mut().zip(&rows) {
                add_group::<S, V>(sums, padded_group(tail), group);
            }
        }
        sums
    }
}

#[inline(always)]
unsafe fn add_group<S: Simd, const V: usize>(sums: &mut [S::Sums; V], x: [u8; 4], group: &Group<V>) {
    for (sums, weights) in sums.iter_mut().zip(group) {
        // SAFETY: the caller's contract.
        *sums = unsafe { S::dot4(*sums, x, weights) };
    }
}

fn padded_group(tail: &[u8]) -> [u8; 4] {
    let mut group = [0; 4];
    group[..tail.len()].copy_from_slice(tail);
    group
}
