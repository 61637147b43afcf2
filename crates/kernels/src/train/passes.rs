//! The three passes over a layer, each in tiles whose sums stay in registers.
//!
//! ```text
//! forward    5 rows · 2 neurons    10 sums, along the inputs; a weight loaded serves 5 rows
//! backward   5 rows · 1 vector      5 sums, along the neurons
//! step       1 neuron · 7 vectors   7 sums, along the batch; 784 inputs are 7 · 7 vectors
//! ```
//!
//! Where registers are few, a tile of forward has one neuron.

use super::rows::Vector;
use super::{AdamStep, Arithmetic, Layer, Moments, Rows};
use crate::simd::{LANES, Simd};

/// Rows of a tile, forwards and backwards.
const ROWS: usize = 5;
/// Vectors of inputs of a tile whose gradients are formed together.
const TILE: usize = 7;

/// `a · b + c`.
#[inline(always)]
unsafe fn accumulate<S: Simd, A: Arithmetic>(a: S::Reals, b: S::Reals, c: S::Reals) -> S::Reals {
    // SAFETY: the caller's contract.
    unsafe { if A::FUSED { S::accumulate(a, b, c) } else { S::add(S::multiply(a, b), c) } }
}

#[inline(always)]
pub(super) unsafe fn forward<S: Simd, A: Arithmetic>(
    (weight, bias): (&Rows, &Rows),
    x: &Rows,
    relu: bool,
    y: &mut Rows,
) {
    let mut first = 0;
    while first < x.count() {
        // SAFETY: the caller's contract.
        unsafe {
            if first + ROWS <= x.count() {
                forward_rows::<S, A, ROWS>((weight, bias), x, first, relu, y);
                first += ROWS;
            } else {
                forward_rows::<S, A, 1>((weight, bias), x, first, relu, y);
                first += 1;
            }
        }
    }
}

#[inline(always)]
unsafe fn forward_rows<S: Simd, A: Arithmetic, const R: usize>(
    (weight, bias): (&Rows, &Rows),
    x: &Rows,
    first: usize,
    relu: bool,
    y: &mut Rows,
) {
    let outputs = weight.count();
    let mut neuron = 0;
    while neuron < outputs {
        // SAFETY: the caller's contract.
        unsafe {
            if S::TWO_CHAINS && neuron + 2 <= outputs {
                forward_tile::<S, A, R, 2>((weight, bias), x, first, neuron, relu, y);
                neuron += 2;
            } else {
                forward_tile::<S, A, R, 1>((weight, bias), x, first, neuron, relu, y);
                neuron += 1;
            }
        }
    }
}

#[inline(always)]
unsafe fn forward_tile<S: Simd, A: Arithmetic, const R: usize, const N: usize>(
    (weight, bias): (&Rows, &Rows),
    x: &Rows,
    first: usize,
    neuron: usize,
    relu: bool,
    y: &mut Rows,
) {
    // SAFETY: the caller's contract.
    unsafe {
        let weights: [&[Vector]; N] = std::array::from_fn(|n| weight.vectors(neuron + n));
        let rows: [&[Vector]; R] = std::array::from_fn(|row| x.vectors(first + row));
        let mut sums = [[S::splat(0.0); R]; N];
        for at in 0..x.stride() {
            for (sums, w) in sums.iter_mut().zip(weights) {
                let w = S::load(&w[at].0);
                for (sum, x) in sums.iter_mut().zip(rows) {
                    *sum = accumulate::<S, A>(S::load(&x[at].0), w, *sum);
                }
            }
        }
        let bias = bias.row(0);
        for (n, sums) in sums.into_iter().enumerate() {
            for (row, sum) in sums.into_iter().enumerate() {
                let value = total(S::store(sum)) + bias[neuron + n];
                y.row_mut(first + row)[neuron + n] = if relu && value < 0.0 { 0.0 } else { value };
            }
        }
    }
}

/// The sum of sixteen lanes, halving.
#[inline(always)]
fn total(lanes: [f32; LANES]) -> f32 {
    let eight: [f32; 8] = std::array::from_fn(|lane| lanes[lane] + lanes[lane + 8]);
    let four: [f32; 4] = std::array::from_fn(|lane| eight[lane] + eight[lane + 4]);
    (four[0] + four[2]) + (four[1] + four[3])
}

#[inline(always)]
pub(super) unsafe fn backward<S: Simd, A: Arithmetic>(weight: &Rows, dy: &Rows, x: &Rows, dx: &mut Rows) {
    let mut first = 0;
    while first < x.count() {
        // SAFETY: the caller's contract.
        unsafe {
            if first + ROWS <= x.count() {
                backward_rows::<S, A, ROWS>(weight, dy, x, first, dx);
                first += ROWS;
            } else {
                backward_rows::<S, A, 1>(weight, dy, x, first, dx);
                first += 1;
            }
        }
    }
}

#[inline(always)]
unsafe fn backward_rows<S: Simd, A: Arithmetic, const R: usize>(
    weight: &Rows,
    dy: &Rows,
    x: &Rows,
    first: usize,
    dx: &mut Rows,
) {
    let dy: [&[f32]; R] = std::array::from_fn(|row| dy.row(first + row));
    for at in 0..weight.stride() {
        // SAFETY: the caller's contract.
        unsafe {
            let mut sums = [S::splat(0.0); R];
            for neuron in 0..weight.count() {
                let w = S::load(&weight.vectors(neuron)[at].0);
                for (sum, dy) in sums.iter_mut().zip(dy) {
                    *sum = accumulate::<S, A>(S::splat(dy[neuron]), w, *sum);
                }
            }
            for (row, sum) in sums.into_iter().enumerate() {
                let sum = S::store(sum);
                let [x] = x.tile(first + row, at);
                let [dx] = dx.tile_mut(first + row, at);
                dx.0 = std::array::from_fn(|lane| if x.0[lane] > 0.0 { sum[lane] } else { 0.0 });
            }
        }
    }
}

#[inline(always)]
pub(super) unsafe fn step<S: Simd, A: Arithmetic>(layer: &mut Layer<A>, x: &Rows, dy: &Rows, adam: AdamStep) {
    // SAFETY: the caller's contract.
    unsafe {
        let mut first = 0;
        while first < x.stride() {
            if first + TILE <= x.stride() {
                step_columns::<S, A, TILE>(&mut layer.weight, x, dy, adam, first);
                first += TILE;
            } else {
                step_columns::<S, A, 1>(&mut layer.weight, x, dy, adam, first);
                first += 1;
            }
        }
        for at in 0..dy.stride() {
            let mut gradient = S::splat(0.0);
            for row in 0..dy.count() {
                gradient = S::add(gradient, S::load(&dy.vectors(row)[at].0));
            }
            update::<S, A, 1>(&mut layer.bias, 0, at, [gradient], adam);
        }
    }
}

/// The weights of all neurons for `T` vectors of inputs.
#[inline(always)]
unsafe fn step_columns<S: Simd, A: Arithmetic, const T: usize>(
    weight: &mut Moments,
    x: &Rows,
    dy: &Rows,
    adam: AdamStep,
    first: usize,
) {
    for neuron in 0..dy.width() {
        // SAFETY: the caller's contract.
        unsafe {
            let mut gradients = [S::splat(0.0); T];
            for row in 0..x.count() {
                let x: &[Vector; T] = x.tile(row, first);
                let dy = S::splat(dy.row(row)[neuron]);
                for (gradient, x) in gradients.iter_mut().zip(x) {
                    *gradient = accumulate::<S, A>(dy, S::load(&x.0), *gradient);
                }
            }
            update::<S, A, T>(weight, neuron, first, gradients, adam);
        }
    }
}

/// Adam on `T` vectors of a row of parameters.
#[inline(always)]
unsafe fn update<S: Simd, A: Arithmetic, const T: usize>(
    parameters: &mut Moments,
    row: usize,
    first: usize,
    gradients: [S::Reals; T],
    adam: AdamStep,
) {
    let values: &mut [Vector; T] = parameters.value.tile_mut(row, first);
    let means: &mut [Vector; T] = parameters.mean.tile_mut(row, first);
    let squares: &mut [Vector; T] = parameters.square.tile_mut(row, first);
    for (at, gradient) in gradients.into_iter().enumerate() {
        let (value, mean, square) = (&mut values[at].0, &mut means[at].0, &mut squares[at].0);
        // SAFETY: the caller's contract.
        unsafe {
            let old_mean = S::load(mean);
            let difference = accumulate::<S, A>(old_mean, S::splat(-1.0), gradient);
            let new_mean = accumulate::<S, A>(S::splat(adam.one_minus_beta1), difference, old_mean);
            let decayed = S::multiply(S::load(square), S::splat(adam.beta2));
            let scaled = S::multiply(gradient, S::splat(adam.one_minus_beta2));
            let new_square = accumulate::<S, A>(scaled, gradient, decayed);
            let root = S::square_root(new_square);
            let denominator = accumulate::<S, A>(root, S::splat(adam.inverse_root), S::splat(adam.epsilon));
            // Not the mean by the denominator: a mean that has faded to a subnormal number makes a division slow.
            let quotient = S::divide(S::splat(-adam.step_size), denominator);
            let new_value = accumulate::<S, A>(quotient, new_mean, S::load(value));
            (*value, *mean, *square) = (S::store(new_value), S::store(new_mean), S::store(new_square));
        }
    }
}
