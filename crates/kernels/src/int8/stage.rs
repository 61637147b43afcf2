//! What becomes of the exact sums: the output stages, written once for every kernel.

use crate::simd::{LANES, Simd};

/// What a layer does with the exact sums of sixteen neurons.
pub(super) trait Stage: Sync {
    /// An output.
    type Out: Copy + Default;

    /// Panics unless there are parameters for so many outputs.
    fn check(&self, outputs: usize);

    /// The outputs of neurons `first..first + 16`. Lanes behind the last neuron get padding, and nobody reads them.
    ///
    /// # Safety
    /// The CPU has the instruction set of `S`.
    unsafe fn apply<S: Simd>(&self, first: usize, sums: [i32; LANES]) -> [Self::Out; LANES];
}

/// The sums themselves.
pub(super) struct Sums;

/// The output stage of a static layer: an exact sum becomes the next layer's `u8`.
///
/// `t = fma(addend[o], factor, acc as f32)`, `out = clamp(rint(t * multiplier[o]) + zero_point, floor, 255)`, in `f32`
/// rounded to nearest even after each operation. With `addend = bias` and `factor = 1/(sx·sw)` that is FBGEMM's
/// per-tensor requantization; with `addend = bias/(sx·sw[o])` and `factor = 1` its per-channel one, because
/// `fma(a, 1, b)` is `a + b`.
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
    unsafe fn apply<S: Simd>(&self, _: usize, sums: [i32; LANES]) -> [i32; LANES] {
        sums
    }
}

impl Stage for Requantize {
    type Out = u8;

    fn check(&self, outputs: usize) {
        assert_eq!(self.outputs, outputs, "an output stage of this layer's outputs");
    }

    #[inline(always)]
    unsafe fn apply<S: Simd>(&self, first: usize, sums: [i32; LANES]) -> [u8; LANES] {
        let multiplier = vector(&self.multiplier, first);
        // SAFETY: the caller's contract.
        let t =
            unsafe { S::fma(*vector(&self.addend, first), [self.factor; LANES], sums.map(|sum| sum as f32)) };
        std::array::from_fn(|lane| round_and_clamp(t[lane] * multiplier[lane], self.zero_point, self.floor))
    }
}

impl Stage for Dequantized<'_> {
    type Out = f32;

    fn check(&self, outputs: usize) {
        assert_eq!(self.stage.outputs, outputs, "an output stage of this layer's outputs");
    }

    #[inline(always)]
    unsafe fn apply<S: Simd>(&self, first: usize, sums: [i32; LANES]) -> [f32; LANES] {
        let scale = vector(&self.stage.weight_scale, first).map(|scale| self.x_scale * scale);
        // SAFETY: the caller's contract.
        let y = unsafe { S::fma(sums.map(|sum| sum as f32), scale, *vector(&self.stage.bias, first)) };
        if self.stage.relu { y.map(|y| if y > 0.0 { y } else { 0.0 }) } else { y }
    }
}

/// `clamp(rint(x) + zero_point, floor, 255)`; a NaN becomes `floor`.
#[inline(always)]
pub(super) fn round_and_clamp(x: f32, zero_point: u8, floor: u8) -> u8 {
    // Clamped while still a float, so that no finite or infinite value can go astray in the conversion: ±1000 is far
    // outside the final clamp whatever the zero point.
    let x = if x > -1000.0 { x } else { -1000.0 };
    let x = if x < 1000.0 { x } else { 1000.0 };
    // Adding 1.5·2²³ rounds to an integer, half to even, and leaves it in the low bits: cheaper than rounding and
    // converting on every instruction set, and exact for magnitudes below 2²².
    const ROUND: f32 = 12_582_912.0;
    let rounded = (x + ROUND).to_bits() as i32 - ROUND.to_bits() as i32;
    (rounded + i32::from(zero_point)).clamp(i32::from(floor), 255) as u8
}

/// Sixteen parameters from `first` on.
#[inline(always)]
pub(super) fn vector<T>(values: &[T], first: usize) -> &[T; LANES] {
    &values[first..].as_chunks().0[0]
}

/// The values, and defaults behind them up to a whole number of vectors.
pub(super) fn padded<T: Copy + Default>(values: impl ExactSizeIterator<Item = T>) -> Vec<T> {
    let padding = values.len().next_multiple_of(LANES) - values.len();
    values.chain(std::iter::repeat_n(T::default(), padding)).collect()
}
