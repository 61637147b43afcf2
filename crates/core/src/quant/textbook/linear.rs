use super::{FixedPoint, QParams};
use crate::{Result, float};

/// A linear layer by hand, computed on integers.
///
/// Of `y = Σ x·w + b`, with every real number written as `S · (q - Z)`, there remains (arXiv 1712.05877, equations 4 and 7)
///
/// ```text
/// sum = Σ (q_x - Z_x)·(q_w - Z_w) + q_b      an exact integer; q_b = rint(b / (S_x·S_w))
/// q_y = clamp(rint(M·sum) + Z_y)             M = S_x·S_w / S_y
/// ```
///
/// ReLU needs no step of its own: behind it the least output is 0, so that `Z_y` is 0 too and the clamp cuts at it.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// The integers of the weights, row-major `[outputs, inputs]`.
    pub weight: Vec<i16>,
    /// The integers of the bias, `[outputs]`, in steps of `S_x·S_w`.
    pub bias: Vec<i32>,
    /// Of the inputs.
    pub input: QParams,
    /// Of the weights.
    pub weights: QParams,
    /// Of the outputs.
    pub output: QParams,
}

impl Linear {
    /// Quantizes a layer.
    pub fn new(linear: &float::Linear, input: QParams, weights: QParams, output: QParams) -> Self {
        let step = input.scale * weights.scale;
        Self {
            weight: linear.weight.iter().map(|&w| weights.quantize(w.into())).collect(),
            bias: linear.bias.iter().map(|&b| (f64::from(b) / step).round_ties_even() as i32).collect(),
            input,
            weights,
            output,
        }
    }

    /// The integers of inputs.
    pub fn quantize(&self, x: &[f32]) -> Vec<i16> {
        x.iter().map(|&x| self.input.quantize(x.into())).collect()
    }

    /// `Σ (q_x - Z_x)·(q_w - Z_w) + q_b` of each output, for one image's inputs.
    ///
    /// # Panics
    /// If there are no inputs.
    pub fn sums(&self, inputs: &[i16]) -> Vec<i32> {
        let products = products(&self.weight, self.weights.zero_point, inputs, self.input.zero_point);
        products.zip(&self.bias).map(|(sum, &bias)| sum.saturating_add(bias)).collect()
    }

    /// `M = S_x·S_w / S_y`: how many steps of the output a step of the sum is.
    pub fn multiplier(&self) -> f64 {
        self.input.scale * self.weights.scale / self.output.scale
    }

    /// The output for a sum, by way of real numbers.
    pub fn requantize(&self, sum: i32) -> i16 {
        self.clamped((self.multiplier() * f64::from(sum)).round_ties_even() as i32)
    }

    /// [`requantize`](Self::requantize) on integers alone: `multiplier` is [`multiplier`](Self::multiplier) in fixed point.
    pub fn requantize_on_integers(&self, multiplier: FixedPoint, sum: i32) -> i16 {
        self.clamped(multiplier.multiply(sum))
    }

    /// The multiplier in fixed point.
    ///
    /// # Errors
    /// [`Error::Multiplier`](crate::Error::Multiplier) if it is not below 1.
    pub fn fixed_point(&self) -> Result<FixedPoint> {
        FixedPoint::new(self.multiplier())
    }

    fn clamped(&self, steps: i32) -> i16 {
        let QParams { zero_point, qmin, qmax, .. } = self.output;
        steps.saturating_add(zero_point.into()).clamp(qmin.into(), qmax.into()) as i16
    }
}

/// `Σ (q_x - Z_x)·(q_w - Z_w)` of each output: exact, since a layer has at most
/// [`MAX_INPUTS`](digit8_kernels::int8::MAX_INPUTS) inputs.
pub(super) fn products<'a>(
    weight: &'a [i16],
    weight_zero_point: i16,
    inputs: &[i16],
    input_zero_point: i16,
) -> impl Iterator<Item = i32> + use<'a> {
    let inputs: Vec<i16> = inputs.iter().map(|q| q - input_zero_point).collect();
    weight.chunks_exact(inputs.len()).map(move |row| {
        row.iter().zip(&inputs).map(|(&w, &x)| i32::from(w - weight_zero_point) * i32::from(x)).sum()
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2};

    use super::*;
    use crate::quant::Range;

    /// Two outputs of three inputs.
    fn layer() -> float::Linear {
        float::Linear {
            weight: Array2::from_shape_vec((2, 3), vec![0.5, -1.0, 0.25, 0.1, 0.9, -0.4]).unwrap(),
            bias: Array1::from_vec(vec![0.3, -0.2]),
        }
    }

    fn quantized(weights: QParams, output: Range) -> Linear {
        let input = QParams::affine(Range { min: -1.0, max: 2.0 }, 7).unwrap();
        Linear::new(&layer(), input, weights, QParams::affine(output, 7).unwrap())
    }

    #[test]
    fn integers_follow_the_real_numbers_with_weights_of_either_kind() {
        let range = Range { min: -1.0, max: 0.9 };
        let x = [-0.5, 1.5, 2.0];
        let y = [-0.25 - 1.5 + 0.5 + 0.3, -0.05 + 1.35 - 0.8 - 0.2];
        for weights in [QParams::symmetric(range, 8).unwrap(), QParams::affine(range, 8).unwrap()] {
            let linear = quantized(weights, Range { min: -1.0, max: 1.0 });
            for (sum, y) in linear.sums(&linear.quantize(&x)).into_iter().zip(y) {
                let step = linear.input.scale * linear.weights.scale;
                assert!((step * f64::from(sum) - y).abs() < 0.03, "{weights:?}: {sum} for {y}");
                let output = linear.output.dequantize(linear.requantize(sum));
                assert!((output - y).abs() < 0.04, "{weights:?}: {output} for {y}");
                let fixed = linear.fixed_point().unwrap();
                assert_eq!(linear.requantize_on_integers(fixed, sum), linear.requantize(sum));
            }
        }
    }

    #[test]
    fn sums_are_exact_and_outputs_stay_in_their_range() {
        let weights = QParams::symmetric(Range { min: -1.0, max: 1.0 }, 8).unwrap();
        let linear = quantized(weights, Range { min: 0.0, max: 1.0 });
        assert_eq!(linear.weight, [64, -127, 32, 13, 114, -51]);
        // The step is 3/127 · 1/127.
        assert_eq!(linear.bias, [1613, -1075]);
        assert_eq!(linear.input.zero_point, 42);
        let sums = linear.sums(&[0, 127, 100]);
        assert_eq!(sums, [-42 * 64 - 85 * 127 + 58 * 32 + 1613, -42 * 13 + 85 * 114 - 58 * 51 - 1075]);
        // Observed behind ReLU: the zero point is 0, and what is negative becomes 0.
        assert_eq!((linear.output.zero_point, linear.requantize(sums[0])), (0, 0));
        assert_eq!([i32::MIN, i32::MAX].map(|sum| linear.requantize(sum)), [0, 127]);
    }
}
