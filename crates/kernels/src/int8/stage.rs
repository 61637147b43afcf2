//! What becomes of the exact sums: the output stages, written once for every kernel.

use crate::panels::Product;
use crate::simd::{LANES, Line, Simd};

/// What a layer does with the exact sums of sixteen neurons.
pub(super) trait Stage {
    /// An output.
    type Out: Copy;

    /// Panics unless there are parameters for so many outputs.
    fn check(&self, outputs: usize);

    /// The outputs of neurons `first..first + 16`. Lanes behind the last neuron get padding, and nobody reads them.
    ///
    /// # Safety
    /// The CPU has the instruction set of `S`.
    unsafe fn apply<S: Simd>(&self, first: usize, sums: S::Ints) -> [Self::Out; LANES];
}

/// A layer's products on integers: sums, corrected by the zero point, through an output stage.
pub(super) struct Layer<'a, T> {
    pub zero_point: u8,
    /// `Σ_i w[o][i]` of each neuron, padded.
    pub weight_sums: &'a [i32],
    pub stage: &'a T,
}

impl<T: Stage> Product for Layer<'_, T> {
    type Sums<S: Simd> = S::Ints;
    type Out = T::Out;

    #[inline(always)]
    unsafe fn zero<S: Simd>() -> S::Ints {
        // SAFETY: the caller's contract.
        unsafe { S::load_ints(&[0; LANES]) }
    }

    fn seven_bits<S: Simd>() -> bool {
        S::SEVEN_BITS
    }

    #[inline(always)]
    unsafe fn step<S: Simd, const V: usize>(sums: &mut [S::Ints; V], x: [u8; 4], w: &[Line; V]) {
        for (sums, w) in sums.iter_mut().zip(w) {
            // SAFETY: the caller's contract.
            *sums = unsafe { S::dot4(*sums, x, w) };
        }
    }

    #[inline(always)]
    unsafe fn add<S: Simd>(a: S::Ints, b: S::Ints) -> S::Ints {
        // SAFETY: the caller's contract.
        unsafe { S::add_ints(a, b) }
    }

    #[inline(always)]
    unsafe fn finish<S: Simd>(&self, first: usize, sums: S::Ints) -> [T::Out; LANES] {
        // SAFETY: the caller's contract.
        unsafe {
            let weight_sums = S::load_ints(vector(self.weight_sums, first));
            let corrected = S::subtract_scaled(sums, weight_sums, i32::from(self.zero_point));
            self.stage.apply::<S>(first, corrected)
        }
    }
}

/// The sums themselves.
pub(super) struct Sums;

/// The output stage of a static layer: an exact sum becomes the next layer's `u8`.
///
/// `t = fma(addend[o], factor, acc as f32)`, `out = clamp(rint(t * multiplier[o]) + zero_point, floor, 255)`, in `f32`
/// rounded to nearest even after each operation. With `addend = bias` and `factor = 1/(sx·sw)` that is FBGEMM's
/// per-tensor requantization; with `addend = bias/(sx·sw[o])` and `factor = 1` its per-channel one, because
/// `fma(a, 1, b)` is `a + b`. Where `t * multiplier[o]` is 2³¹ or more, `out` is `floor`, as it is in FBGEMM.
#[derive(Clone, Debug, PartialEq)]
pub struct Requantize {
    outputs: usize,
    addend: Vec<f32>,
    factor: f32,
    multiplier: Vec<f32>,
    zero_point: u8,
    floor: u8,
}

/// The output stage of a dynamic layer: an exact sum becomes a real number.
///
/// `y = fma(acc as f32, x_scale * weight_scale[o], bias[o])`, and `max(y, 0)` with `relu`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dequantize {
    outputs: usize,
    weight_scale: Vec<f32>,
    bias: Vec<f32>,
    relu: bool,
}

/// [`Dequantize`] for activations of one scale.
pub(super) struct Dequantized<'a> {
    pub stage: &'a Dequantize,
    pub x_scale: f32,
}

impl Requantize {
    /// The stage with one `addend` and one `multiplier` for each output. `floor` is the least output: the zero point
    /// where ReLU is fused, else 0.
    ///
    /// # Panics
    /// If there are not as many multipliers as addends.
    pub fn new(addend: &[f32], factor: f32, multiplier: &[f32], zero_point: u8, floor: u8) -> Self {
        assert_eq!(addend.len(), multiplier.len(), "an addend and a multiplier for each output");
        let outputs = addend.len();
        let [addend, multiplier] = [addend, multiplier].map(|values| padded(values.iter().copied()));
        Self { outputs, addend, factor, multiplier, zero_point, floor }
    }
}

impl Dequantize {
    /// The stage with one `weight_scale` and one `bias` for each output. With `relu`, negative results become 0.
    ///
    /// # Panics
    /// If there are not as many biases as weight scales.
    pub fn new(weight_scale: &[f32], bias: &[f32], relu: bool) -> Self {
        assert_eq!(weight_scale.len(), bias.len(), "a weight scale and a bias for each output");
        let outputs = bias.len();
        let [weight_scale, bias] = [weight_scale, bias].map(|values| padded(values.iter().copied()));
        Self { outputs, weight_scale, bias, relu }
    }
}

impl Stage for Sums {
    type Out = i32;

    fn check(&self, _: usize) {}

    #[inline(always)]
    unsafe fn apply<S: Simd>(&self, _: usize, sums: S::Ints) -> [i32; LANES] {
        // SAFETY: the caller's contract.
        unsafe { S::store_ints(sums) }
    }
}

impl Stage for Requantize {
    type Out = u8;

    fn check(&self, outputs: usize) {
        assert_eq!(self.outputs, outputs, "an output stage of this layer's outputs");
    }

    #[inline(always)]
    unsafe fn apply<S: Simd>(&self, first: usize, sums: S::Ints) -> [u8; LANES] {
        // SAFETY: the caller's contract.
        unsafe {
            let [addend, multiplier] =
                [&self.addend, &self.multiplier].map(|all| S::load(vector(all, first)));
            let terms = [addend, S::splat(self.factor), S::to_reals(sums), multiplier];
            S::requantize(terms, self.zero_point, self.floor)
        }
    }
}

impl Stage for Dequantized<'_> {
    type Out = f32;

    fn check(&self, outputs: usize) {
        assert_eq!(self.stage.outputs, outputs, "an output stage of this layer's outputs");
    }

    #[inline(always)]
    unsafe fn apply<S: Simd>(&self, first: usize, sums: S::Ints) -> [f32; LANES] {
        // SAFETY: the caller's contract.
        unsafe {
            let weight_scale = S::load(vector(&self.stage.weight_scale, first));
            let scale = S::multiply(S::splat(self.x_scale), weight_scale);
            let y = S::fma(S::to_reals(sums), scale, S::load(vector(&self.stage.bias, first)));
            S::store(if self.stage.relu { S::max(y, S::splat(0.0)) } else { y })
        }
    }
}

/// Sixteen parameters from `first` on.
#[inline(always)]
fn vector<T>(values: &[T], first: usize) -> &[T; LANES] {
    &values[first..].as_chunks().0[0]
}

/// The values, and defaults behind them up to a whole number of vectors.
pub(super) fn padded<T: Copy + Default>(values: impl ExactSizeIterator<Item = T>) -> Vec<T> {
    let padding = values.len().next_multiple_of(LANES) - values.len();
    values.chain(std::iter::repeat_n(T::default(), padding)).collect()
}
