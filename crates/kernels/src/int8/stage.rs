//! What becomes of the exact sums: the output stages, written once for every kernel.

use crate::gemm::Product;
use crate::simd::{Floats, LANES, Line, Output, Simd};

/// What a layer does with the exact sums of sixteen neurons.
pub(super) trait Stage {
    /// An output.
    type Out: Copy;

    /// Panics unless there are parameters for so many outputs.
    fn check(&self, outputs: usize);

    /// The parameters of `V` vectors of neurons, in registers.
    type Parameters<S: Simd, const V: usize>: Copy;

    /// The parameters of `V` vectors of neurons from vector `first` on.
    fn parameters<S: Simd, const V: usize>(&self, simd: S, first: usize) -> Self::Parameters<S, V>;

    /// The outputs of `V` vectors of neurons. Lanes behind the last neuron get padding, and nobody reads them.
    fn apply<S: Simd, const V: usize>(
        simd: S,
        parameters: Self::Parameters<S, V>,
        sums: [S::Ints; V],
    ) -> [[Self::Out; LANES]; V];
}

/// A layer's products on integers: sums, corrected by the zero point, through an output stage.
pub(super) struct Layer<'a, T> {
    pub zero_point: u8,
    /// `Σ_i w[o][i]` of each neuron.
    pub weight_sums: &'a [[i32; LANES]],
    pub stage: &'a T,
}

impl<T: Stage> Product for Layer<'_, T> {
    type Sums<S: Simd> = S::Ints;
    type Out = T::Out;

    #[inline(always)]
    fn zero<S: Simd>(simd: S) -> S::Ints {
        simd.load_ints(&[0; LANES])
    }

    fn may_saturate<S: Simd>() -> bool {
        S::MAY_SATURATE
    }

    #[inline(always)]
    fn start<S: Simd, const V: usize>(&self, simd: S, first: usize) -> [S::Ints; V] {
        let mut sums = [Self::zero(simd); V];
        for (sums, weight_sums) in sums.iter_mut().zip(vectors::<_, V>(self.weight_sums, first)) {
            *sums = simd.subtract_scaled(*sums, simd.load_ints(weight_sums), i32::from(self.zero_point));
        }
        sums
    }

    #[inline(always)]
    fn step<S: Simd, const V: usize>(simd: S, sums: &mut [S::Ints; V], x: [u8; 4], w: &[Line; V]) {
        for (sums, w) in sums.iter_mut().zip(w) {
            *sums = simd.dot4(*sums, x, w);
        }
    }

    #[inline(always)]
    fn first_register<S: Simd>(simd: S, sums: S::Ints) -> S::Ints {
        let mut lanes = simd.store_ints(sums);
        lanes[S::REGISTER..].fill(0);
        simd.load_ints(&lanes)
    }

    #[inline(always)]
    fn add<S: Simd>(simd: S, a: S::Ints, b: S::Ints) -> S::Ints {
        simd.add_ints(a, b)
    }

    #[inline(always)]
    fn finish<S: Simd, const V: usize>(
        &self,
        simd: S,
        first: usize,
        sums: [S::Ints; V],
    ) -> [[T::Out; LANES]; V] {
        T::apply(simd, self.stage.parameters::<S, V>(simd, first), sums)
    }
}

/// The sums themselves.
pub(super) struct Sums;

/// The output stage of a static layer: an exact sum becomes the next layer's `u8`.
///
/// `t = fma(addend[o], factor, acc as f32)`, `out = clamp(rint(t * multiplier[o]) + zero_point, min, max)`, in `f32`
/// rounded to nearest even after each operation. With `addend = bias` and `factor = 1/(sx·sw)` that is FBGEMM's
/// per-tensor requantization; with `addend = bias/(sx·sw[o])` and `factor = 1` its per-channel one, because
/// `fma(a, 1, b)` is `a + b`. Where `t * multiplier[o]` is 2³¹ or more, `out` is `min`, as it is in FBGEMM.
#[derive(Clone, Debug, PartialEq)]
pub struct Requantize {
    outputs: usize,
    addend: Vec<Floats>,
    factor: f32,
    multiplier: Vec<Floats>,
    output: Output,
}

/// The output stage of a dynamic layer: an exact sum becomes a real number.
///
/// `y = fma(acc as f32, x_scale * weight_scale[o], bias[o])`, and `max(y, 0)` with `relu`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dequantize {
    outputs: usize,
    weight_scale: Vec<Floats>,
    bias: Vec<Floats>,
    relu: bool,
}

/// [`Dequantize`] for activations of one scale.
pub(super) struct Dequantized<'a> {
    pub stage: &'a Dequantize,
    pub x_scale: f32,
}

impl Requantize {
    /// The stage with one `addend` and one `multiplier` for each output. Where ReLU is fused, the least output is the zero
    /// point.
    ///
    /// # Panics
    /// If there are not as many multipliers as addends.
    pub fn new(addend: &[f32], factor: f32, multiplier: &[f32], output: Output) -> Self {
        assert_eq!(addend.len(), multiplier.len(), "an addend and a multiplier for each output");
        let outputs = addend.len();
        let [addend, multiplier] = [addend, multiplier].map(in_vectors);
        Self { outputs, addend, factor, multiplier, output }
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
        let [weight_scale, bias] = [weight_scale, bias].map(in_vectors);
        Self { outputs, weight_scale, bias, relu }
    }
}

impl Stage for Sums {
    type Out = i32;
    type Parameters<S: Simd, const V: usize> = ();

    fn check(&self, _: usize) {}

    #[inline(always)]
    fn parameters<S: Simd, const V: usize>(&self, _: S, _: usize) {}

    #[inline(always)]
    fn apply<S: Simd, const V: usize>(simd: S, (): (), sums: [S::Ints; V]) -> [[i32; LANES]; V] {
        let mut out = [[0; LANES]; V];
        for (out, sums) in out.iter_mut().zip(sums) {
            *out = simd.store_ints(sums);
        }
        out
    }
}

impl Stage for Requantize {
    type Out = u8;
    /// Addends, the factor, multipliers, and what becomes of the product.
    type Parameters<S: Simd, const V: usize> = ([S::Reals; V], S::Reals, [S::Reals; V], Output);

    fn check(&self, outputs: usize) {
        assert_eq!(self.outputs, outputs, "an output stage of this layer's outputs");
    }

    #[inline(always)]
    fn parameters<S: Simd, const V: usize>(&self, simd: S, first: usize) -> Self::Parameters<S, V> {
        let addend = load(simd, vectors(&self.addend, first));
        let multiplier = load(simd, vectors(&self.multiplier, first));
        (addend, simd.splat(self.factor), multiplier, self.output)
    }

    #[inline(always)]
    fn apply<S: Simd, const V: usize>(
        simd: S,
        (addend, factor, multiplier, output): Self::Parameters<S, V>,
        sums: [S::Ints; V],
    ) -> [[u8; LANES]; V] {
        let mut out = [[0; LANES]; V];
        for at in 0..V {
            out[at] = simd.requantize([addend[at], factor, simd.to_reals(sums[at]), multiplier[at]], output);
        }
        out
    }
}

impl Stage for Dequantized<'_> {
    type Out = f32;
    /// The products of both scales, biases, and whether a ReLU follows.
    type Parameters<S: Simd, const V: usize> = ([S::Reals; V], [S::Reals; V], bool);

    fn check(&self, outputs: usize) {
        assert_eq!(self.stage.outputs, outputs, "an output stage of this layer's outputs");
    }

    #[inline(always)]
    fn parameters<S: Simd, const V: usize>(&self, simd: S, first: usize) -> Self::Parameters<S, V> {
        let mut scale = load(simd, vectors(&self.stage.weight_scale, first));
        for scale in &mut scale {
            *scale = simd.multiply(simd.splat(self.x_scale), *scale);
        }
        (scale, load(simd, vectors(&self.stage.bias, first)), self.stage.relu)
    }

    #[inline(always)]
    fn apply<S: Simd, const V: usize>(
        simd: S,
        (scale, bias, relu): Self::Parameters<S, V>,
        sums: [S::Ints; V],
    ) -> [Floats; V] {
        let mut out = [[0.0; LANES]; V];
        for at in 0..V {
            let y = simd.fma(simd.to_reals(sums[at]), scale[at], bias[at]);
            out[at] = simd.store(if relu { simd.max(y, simd.splat(0.0)) } else { y });
        }
        out
    }
}

/// Vectors of parameters in registers.
#[inline(always)]
fn load<S: Simd, const V: usize>(simd: S, values: &[Floats; V]) -> [S::Reals; V] {
    let mut loaded = [simd.splat(0.0); V];
    for (loaded, values) in loaded.iter_mut().zip(values) {
        *loaded = simd.load(values);
    }
    loaded
}

/// `V` vectors of parameters from vector `first` on.
#[inline(always)]
fn vectors<T, const V: usize>(values: &[[T; LANES]], first: usize) -> &[[T; LANES]; V] {
    values[first..].first_chunk().expect("parameters for every vector of neurons")
}

/// The values in whole vectors, the last filled with defaults.
pub(super) fn in_vectors<T: Copy + Default>(values: &[T]) -> Vec<[T; LANES]> {
    let vector = |values: &[T]| std::array::from_fn(|lane| values.get(lane).copied().unwrap_or_default());
    values.chunks(LANES).map(vector).collect()
}
