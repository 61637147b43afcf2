//! Products of many rows by tiles.

use super::stage::{Layer, Stage};
use crate::Kernel;
use crate::arch::x86_64::amx::{Amx, DEPTH, ROWS, Sums, Tile, VECTORS};
use crate::gemm::{Product, write};
use crate::simd::{LANES, Line, Simd, Work};

/// A weight matrix in tiles.
#[derive(Clone, Debug)]
pub(super) struct Tiles {
    amx: Amx,
    inputs: usize,
    outputs: usize,
    /// By pairs of vectors of neurons, then by inputs, then by vectors; the last vector may be alone.
    values: Vec<Tile>,
}

impl Tiles {
    /// Packs `weights`, row-major `[outputs, inputs]`, if a row fills a tile's.
    pub fn pack(amx: Amx, weights: &[i8], outputs: usize, inputs: usize) -> Option<Self> {
        let before_last = inputs.checked_sub(DEPTH)?;
        // The last tile ends with the row. What it has in common with the one before counts there.
        let tile = |neuron: usize, new: usize| -> Tile {
            let first = new.min(before_last);
            let weight = |neuron: usize, input: usize| {
                let is_its_own = neuron < outputs && input >= new;
                if is_its_own { weights[neuron * inputs + input] as u8 } else { 0 }
            };
            let line = |group| {
                let lane = |lane| std::array::from_fn(|at| weight(neuron + lane, first + 4 * group + at));
                Line(std::array::from_fn(lane))
            };
            std::array::from_fn(line)
        };
        let vectors: Vec<usize> = (0..outputs).step_by(LANES).collect();
        let mut values = Vec::new();
        for pair in vectors.chunks(VECTORS) {
            for input in (0..inputs).step_by(DEPTH) {
                values.extend(pair.iter().map(|&neuron| tile(neuron, input)));
            }
        }
        Some(Self { amx, inputs, outputs, values })
    }

    /// `out[b][o]` = what the layer makes of the sum of neuron `o` for row `b` of `x`, if there are rows enough for a tile; else `false`,
    /// and nothing is done.
    pub fn product<T: Stage>(&self, layer: &Layer<T>, x: &[u8], out: &mut [T::Out]) -> bool {
        let takes = self.take(x);
        if takes {
            Kernel::Amx(self.amx).run(AllRows { tiles: self, layer, x, out });
        }
        takes
    }

    /// Whether there are rows enough for a tile.
    pub fn take(&self, x: &[u8]) -> bool {
        x.len() >= ROWS * self.inputs
    }
}

struct AllRows<'a, T: Stage> {
    tiles: &'a Tiles,
    layer: &'a Layer<'a, T>,
    x: &'a [u8],
    out: &'a mut [T::Out],
}

impl<T: Stage> Work for AllRows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { tiles: &Tiles { amx, inputs, outputs, ref values }, layer, x, out } = self;
        let (batch, of_a_row) = (x.len() / inputs, inputs.div_ceil(DEPTH));
        let mut sums = Sums([[[[0; LANES]; VECTORS]; ROWS]; 2]);
        let configured = amx.configured();
        for first in (0..batch).step_by(2 * ROWS) {
            // The last tile ends with the batch. The rows that it has in common with the one before are made twice.
            let tops = [first, first + ROWS].map(|top| top.min(batch - ROWS));
            let x = tops.map(|top| &x[top * inputs..][..ROWS * inputs]);
            // From the last neurons to the first: what is written behind a row's end is written again.
            for (pair, tiles) in values.chunks(VECTORS * of_a_row).enumerate().rev() {
                let vector = pair * VECTORS;
                let is_single = tiles.len() == of_a_row;
                let start = match is_single {
                    true => start::<S, T, 1>(simd, layer, vector),
                    false => start::<S, T, VECTORS>(simd, layer, vector),
                };
                configured.product(&start, x, inputs, tiles, &mut sums);
                for (top, sums) in tops.into_iter().zip(&sums.0) {
                    let out = &mut out[top * outputs..];
                    match is_single {
                        true => finish::<S, T, 1>(simd, layer, vector, sums, outputs, out),
                        false => finish::<S, T, VECTORS>(simd, layer, vector, sums, outputs, out),
                    }
                }
            }
        }
    }
}

/// What the sums of `V` vectors of neurons start from, and 0 for what is behind them.
#[inline(always)]
fn start<S: Simd, T: Stage, const V: usize>(
    simd: S,
    layer: &Layer<T>,
    vector: usize,
) -> [[i32; LANES]; VECTORS] {
    let mut start = [[0; LANES]; VECTORS];
    for (start, sums) in start.iter_mut().zip(layer.start::<S, V>(simd, vector)) {
        *start = simd.store_ints(sums);
    }
    start
}

/// Makes outputs of the sums of `V` vectors of neurons, for a tile's rows: the first rows of `out`. Vectors are written whole, also
/// where a row has not so many neurons, as long as there is room.
#[inline(always)]
fn finish<S: Simd, T: Stage, const V: usize>(
    simd: S,
    layer: &Layer<T>,
    vector: usize,
    sums: &[[[i32; LANES]; VECTORS]; ROWS],
    outputs: usize,
    out: &mut [T::Out],
) {
    let parameters = layer.stage.parameters::<S, V>(simd, vector);
    for (row, sums) in sums.iter().enumerate() {
        let sums: [_; V] = std::array::from_fn(|at| simd.load_ints(&sums[at]));
        let out = &mut out[row * outputs + vector * LANES..];
        match out.as_chunks_mut().0.first_chunk_mut::<V>() {
            Some(whole) => *whole = T::apply(simd, parameters, sums),
            None => write(T::apply(simd, parameters, sums), 0, &mut out[..outputs - vector * LANES]),
        }
    }
}
