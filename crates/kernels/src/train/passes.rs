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
use std::marker::PhantomData;

use crate::simd::{Floats, Simd, Work};

/// Rows of a tile, forwards and backwards.
const ROWS: usize = 5;
/// Vectors of inputs of a tile whose gradients are formed together.
const TILE: usize = 7;

/// `a · b + c`.
#[inline(always)]
fn accumulate<S: Simd, A: Arithmetic>(simd: S, a: S::Reals, b: S::Reals, c: S::Reals) -> S::Reals {
    if A::FUSED { simd.accumulate(a, b, c) } else { simd.add(simd.multiply(a, b), c) }
}

/// [`Layer::forward`].
pub(super) struct Forward<'a, A> {
    pub arithmetic: PhantomData<A>,
    pub weight: &'a Rows,
    pub bias: &'a Rows,
    pub x: &'a Rows,
    pub relu: bool,
    pub y: &'a mut Rows,
}

impl<A: Arithmetic> Work for Forward<'_, A> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { weight, bias, x, relu, y, .. } = self;
        let mut first = 0;
        while first < x.count() {
            if first + ROWS <= x.count() {
                forward_rows::<S, A, ROWS>(simd, (weight, bias), x, first, relu, y);
                first += ROWS;
            } else {
                forward_rows::<S, A, 1>(simd, (weight, bias), x, first, relu, y);
                first += 1;
            }
        }
    }
}

#[inline(always)]
fn forward_rows<S: Simd, A: Arithmetic, const R: usize>(
    simd: S,
    (weight, bias): (&Rows, &Rows),
    x: &Rows,
    first: usize,
    relu: bool,
    y: &mut Rows,
) {
    let outputs = weight.count();
    let mut neuron = 0;
    while neuron < outputs {
        if S::HAS_32_REGISTERS && neuron + 2 <= outputs {
            forward_tile::<S, A, R, 2>(simd, (weight, bias), x, first, neuron, relu, y);
            neuron += 2;
        } else {
            forward_tile::<S, A, R, 1>(simd, (weight, bias), x, first, neuron, relu, y);
            neuron += 1;
        }
    }
}

#[inline(always)]
fn forward_tile<S: Simd, A: Arithmetic, const R: usize, const N: usize>(
    simd: S,
    (weight, bias): (&Rows, &Rows),
    x: &Rows,
    first: usize,
    neuron: usize,
    relu: bool,
    y: &mut Rows,
) {
    let weights: [&[Vector]; N] = std::array::from_fn(|n| weight.vectors(neuron + n));
    let rows: [&[Vector]; R] = std::array::from_fn(|row| x.vectors(first + row));
    let mut sums = [[simd.splat(0.0); R]; N];
    for at in 0..x.stride() {
        for (sums, w) in sums.iter_mut().zip(weights) {
            let w = simd.load(&w[at].0);
            for (sum, x) in sums.iter_mut().zip(rows) {
                *sum = accumulate::<S, A>(simd, simd.load(&x[at].0), w, *sum);
            }
        }
    }
    let bias = bias.row(0);
    for (n, sums) in sums.into_iter().enumerate() {
        for (row, sum) in sums.into_iter().enumerate() {
            let value = total(simd.store(sum)) + bias[neuron + n];
            y.row_mut(first + row)[neuron + n] = if relu && value < 0.0 { 0.0 } else { value };
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

/// [`Layer::backward`].
pub(super) struct Backward<'a, A> {
    pub arithmetic: PhantomData<A>,
    pub weight: &'a Rows,
    pub dy: &'a Rows,
    pub x: &'a Rows,
    pub dx: &'a mut Rows,
}

impl<A: Arithmetic> Work for Backward<'_, A> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { weight, dy, x, dx, .. } = self;
        let mut first = 0;
        while first < x.count() {
            if first + ROWS <= x.count() {
                backward_rows::<S, A, ROWS>(simd, weight, dy, x, first, dx);
                first += ROWS;
            } else {
                backward_rows::<S, A, 1>(simd, weight, dy, x, first, dx);
                first += 1;
            }
        }
    }
}

#[inline(always)]
fn backward_rows<S: Simd, A: Arithmetic, const R: usize>(
    simd: S,
    weight: &Rows,
    dy: &Rows,
    x: &Rows,
    first: usize,
    dx: &mut Rows,
) {
    let dy: [&[f32]; R] = std::array::from_fn(|row| dy.row(first + row));
    for at in 0..weight.stride() {
        let mut sums = [simd.splat(0.0); R];
        for neuron in 0..weight.count() {
            let w = simd.load(&weight.vectors(neuron)[at].0);
            for (sum, dy) in sums.iter_mut().zip(dy) {
                *sum = accumulate::<S, A>(simd, simd.splat(dy[neuron]), w, *sum);
            }
        }
        for (row, sum) in sums.into_iter().enumerate() {
            let sum = simd.store(sum);
            let [x] = x.tile(first + row, at);
            let [dx] = dx.tile_mut(first + row, at);
            dx.0 = std::array::from_fn(|lane| if x.0[lane] > 0.0 { sum[lane] } else { 0.0 });
        }
    }
}

/// [`Layer::step`].
pub(super) struct Step<'a, A> {
    pub layer: &'a mut Layer<A>,
    pub x: &'a Rows,
    pub dy: &'a Rows,
    pub adam: AdamStep,
}

impl<A: Arithmetic> Work for Step<'_, A> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { layer, x, dy, adam } = self;
        let mut first = 0;
        while first < x.stride() {
            if first + TILE <= x.stride() {
                step_columns::<S, A, TILE>(simd, &mut layer.weight, x, dy, adam, first);
                first += TILE;
            } else {
                step_columns::<S, A, 1>(simd, &mut layer.weight, x, dy, adam, first);
                first += 1;
            }
        }
        for at in 0..dy.stride() {
            let mut gradient = simd.splat(0.0);
            for row in 0..dy.count() {
                gradient = simd.add(gradient, simd.load(&dy.vectors(row)[at].0));
            }
            update::<S, A, 1>(simd, &mut layer.bias, 0, at, [gradient], adam);
        }
    }
}

/// The weights of all neurons for `T` vectors of inputs.
#[inline(always)]
fn step_columns<S: Simd, A: Arithmetic, const T: usize>(
    simd: S,
    weight: &mut Moments,
    x: &Rows,
    dy: &Rows,
    adam: AdamStep,
    first: usize,
) {
    for neuron in 0..dy.width() {
        let mut gradients = [simd.splat(0.0); T];
        for row in 0..x.count() {
            let x: &[Vector; T] = x.tile(row, first);
            let dy = simd.splat(dy.row(row)[neuron]);
            for (gradient, x) in gradients.iter_mut().zip(x) {
                *gradient = accumulate::<S, A>(simd, dy, simd.load(&x.0), *gradient);
            }
        }
        update::<S, A, T>(simd, weight, neuron, first, gradients, adam);
    }
}

/// Adam on `T` vectors of a row of parameters.
#[inline(always)]
fn update<S: Simd, A: Arithmetic, const T: usize>(
    simd: S,
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
        let old_mean = simd.load(mean);
        let difference = accumulate::<S, A>(simd, old_mean, simd.splat(-1.0), gradient);
        let new_mean = accumulate::<S, A>(simd, simd.splat(adam.one_minus_beta1), difference, old_mean);
        let decayed = simd.multiply(simd.load(square), simd.splat(adam.beta2));
        let scaled = simd.multiply(gradient, simd.splat(adam.one_minus_beta2));
        let new_square = accumulate::<S, A>(simd, scaled, gradient, decayed);
        let root = simd.square_root(new_square);
        let denominator =
            accumulate::<S, A>(simd, root, simd.splat(adam.inverse_root), simd.splat(adam.epsilon));
        // Not the mean by the denominator: a mean that has faded to a subnormal number makes a division slow.
        let quotient = simd.divide(simd.splat(-adam.step_size), denominator);
        let new_value = accumulate::<S, A>(simd, quotient, new_mean, simd.load(value));
        (*value, *mean, *square) = (simd.store(new_value), simd.store(new_mean), simd.store(new_square));
    }
}
