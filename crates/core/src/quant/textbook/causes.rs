//! Why PyTorch's output is sometimes another than the textbook's: every step in which they differ can be exchanged alone.

use super::QParams;
use super::linear::products;
use crate::quant::{self, Range};
use crate::{Result, float};

/// A step in which PyTorch (its `x86` engine, scales per tensor) differs from the textbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The weights' scale is the greatest magnitude over 127.5, not 127, and their range is -128 to 127 (rule 3).
    Divisor,
    /// The bias stays real: it is not rounded to a whole number of steps (rule 6).
    Bias,
    /// Every operation is rounded to `f32`, and quantizing multiplies by the scale's reciprocal (rules 2 to 4).
    Single,
    /// The bias is added by a fused multiply-add: product and sum are rounded once (rule 6).
    Fma,
    /// Integers are clamped to their type, 0 to 255, not to the 7 bits that the scale was made for (rule 4).
    Clamp,
}

impl Cause {
    /// All of them.
    pub const ALL: [Cause; 5] = [Cause::Divisor, Cause::Bias, Cause::Single, Cause::Fma, Cause::Clamp];

    /// What PyTorch does, and the textbook does not, in a few words.
    pub fn describe(self) -> &'static str {
        match self {
            Cause::Divisor => "weight scale by 127.5, not 127",
            Cause::Bias => "real bias, not int32",
            Cause::Single => "float32, not float64",
            Cause::Fma => "bias added by a fused multiply-add",
            Cause::Clamp => "clamp to 0..255, not 0..127",
        }
    }
}

/// A linear layer that goes PyTorch's way in some steps and the textbook's in the others. With none of PyTorch's it is
/// [`Linear`](super::Linear) with symmetric weights of 8 bits and affine activations of 7, with all it is
/// [`QuantizedLinear`](crate::int8::QuantizedLinear); ReLU is fused where the outputs were observed behind it.
#[derive(Clone, Debug)]
pub struct Hybrid<'a> {
    weight: Vec<i16>,
    bias: Vec<f32>,
    weights: QParams,
    input: QParams,
    output: QParams,
    pytorchs: &'a [Cause],
}

impl<'a> Hybrid<'a> {
    /// Quantizes a layer whose inputs and outputs were observed to lie in `input` and `output`, with the steps `pytorchs`
    /// done PyTorch's way.
    ///
    /// # Errors
    /// [`Error::Range`](crate::Error::Range) if a range is not finite.
    pub fn new(linear: &float::Linear, input: Range, output: Range, pytorchs: &'a [Cause]) -> Result<Self> {
        let range = Range::of(&linear.weight);
        let mut hybrid = Self {
            weight: Vec::new(),
            bias: linear.bias.to_vec(),
            weights: QParams::symmetric(range, 8)?,
            input: QParams::affine(input, 7)?,
            output: QParams::affine(output, 7)?,
            pytorchs,
        };
        if hybrid.has(Cause::Divisor) {
            hybrid.weights.scale = (f64::from((-range.min).max(range.max)) / 127.5).max(super::EPSILON);
            hybrid.weights.qmin = -128;
        }
        hybrid.weights.scale = hybrid.rounded(hybrid.weights.scale);
        if hybrid.has(Cause::Single) {
            for (qparams, range) in [(&mut hybrid.input, input), (&mut hybrid.output, output)] {
                let pytorchs = quant::QParams::affine("a tensor", range)?;
                qparams.scale = pytorchs.scale.get().into();
                qparams.zero_point = pytorchs.zero_point.0.into();
            }
        }
        if hybrid.has(Cause::Clamp) {
            (hybrid.input.qmax, hybrid.output.qmax) = (255, 255);
        }
        hybrid.weight = linear.weight.iter().map(|&w| hybrid.integer(w, hybrid.weights)).collect();
        Ok(hybrid)
    }

    /// The integers of inputs.
    pub fn quantize(&self, x: &[f32]) -> Vec<i16> {
        x.iter().map(|&x| self.integer(x, self.input)).collect()
    }

    /// The integers of the outputs, for one image's inputs.
    ///
    /// # Panics
    /// If there are no inputs.
    pub fn outputs(&self, inputs: &[i16]) -> Vec<i16> {
        let step = self.rounded(self.input.scale * self.weights.scale);
        let inverse = self.rounded(1.0 / step);
        let multiplier = self.rounded(step / self.output.scale);
        let output = |(sum, &bias): (i32, &f32)| {
            let (sum, bias) = (f64::from(sum), f64::from(bias));
            let sum = match (self.has(Cause::Bias), self.has(Cause::Fma)) {
                (false, _) => self.rounded(sum + self.rounded(bias / step).round_ties_even()),
                (true, false) => self.rounded(self.rounded(bias * inverse) + self.rounded(sum)),
                (true, true) if self.has(Cause::Single) => {
                    (bias as f32).mul_add(inverse as f32, sum as f32).into()
                }
                (true, true) => bias.mul_add(inverse, sum),
            };
            clamped(self.rounded(sum * multiplier), self.output)
        };
        products(&self.weight, 0, inputs, self.input.zero_point).zip(&self.bias).map(output).collect()
    }

    fn has(&self, cause: Cause) -> bool {
        self.pytorchs.contains(&cause)
    }

    fn integer(&self, real: f32, qparams: QParams) -> i16 {
        let real = f64::from(real);
        let steps = if self.has(Cause::Single) {
            self.rounded(real * self.rounded(1.0 / qparams.scale))
        } else {
            real / qparams.scale
        };
        clamped(steps, qparams)
    }

    /// The result of one operation on two `f32`, computed in `f64`: rounding it to `f32` gives what the operation gives in
    /// `f32`, since `f64` has more than twice the digits.
    fn rounded(&self, x: f64) -> f64 {
        if self.has(Cause::Single) { f64::from(x as f32) } else { x }
    }
}

fn clamped(steps: f64, QParams { zero_point, qmin, qmax, .. }: QParams) -> i16 {
    (steps.round_ties_even() + f64::from(zero_point)).clamp(qmin.into(), qmax.into()) as i16
}

/// An output that PyTorch and the textbook make another integer of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which output of the layer.
    pub output: usize,
    /// The textbook's integer.
    pub textbook: i16,
    /// PyTorch's integer.
    pub pytorch: i16,
    /// What makes the textbook's PyTorch's: the smallest sets of steps to exchange, each enough alone.
    pub cures: Vec<Vec<Cause>>,
}

/// The outputs that differ for one image's inputs `x`, and why: found by exchanging the steps in every combination.
///
/// # Errors
/// [`Error::Range`](crate::Error::Range) if a range is not finite.
///
/// # Panics
/// If there are no inputs.
pub fn differences(
    linear: &float::Linear,
    input: Range,
    output: Range,
    x: &[f32],
) -> Result<Vec<Difference>> {
    let mut sets: Vec<Vec<Cause>> = (0..1 << Cause::ALL.len())
        .map(|set| {
            (0..).zip(Cause::ALL).filter(|(bit, _)| set >> bit & 1 == 1).map(|(_, cause)| cause).collect()
        })
        .collect();
    sets.sort_by_key(Vec::len);
    let outputs = sets
        .iter()
        .map(|set| {
            let hybrid = Hybrid::new(linear, input, output, set)?;
            Ok(hybrid.outputs(&hybrid.quantize(x)))
        })
        .collect::<Result<Vec<_>>>()?;
    let (textbook, pytorch) = (&outputs[0], &outputs[outputs.len() - 1]);
    let differing = (0..textbook.len()).filter(|&output| textbook[output] != pytorch[output]);
    Ok(differing
        .map(|output| {
            let enough = || {
                sets.iter()
                    .zip(&outputs)
                    .filter(|(_, outputs)| outputs[output] == pytorch[output])
                    .map(|(set, _)| set)
            };
            let smallest = enough().map(Vec::len).min();
            let cures = enough().filter(|set| Some(set.len()) == smallest).cloned().collect();
            Difference { output, textbook: textbook[output], pytorch: pytorch[output], cures }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::super::Linear;
    use super::*;
    use crate::Kernel;
    use crate::digits::{PIXELS, normalized};
    use crate::float::Mlp;
    use crate::int8::{Scheme, Values};
    use crate::quant::{Calibration, Granularity, Observations, calibrate};

    /// A network, an image that is mostly paper, and what its observers saw of it and of more.
    fn example(seed: u64, scheme: Scheme) -> (Mlp, Vec<u8>, Observations) {
        let mlp = Mlp::random([60, 7], seed).unwrap();
        let pixels = |count: usize| -> Vec<u8> {
            (0..count * PIXELS).map(|at| if at % 5 == 0 { (at * 7919 % 256) as u8 } else { 0 }).collect()
        };
        let seen = calibrate(&mlp, Kernel::Scalar, scheme, &pixels(5), |_| ()).unwrap();
        (mlp, pixels(1), seen)
    }

    fn reals(pixels: &[u8]) -> Vec<f32> {
        let table = normalized();
        pixels.iter().map(|&pixel| table[usize::from(pixel)]).collect()
    }

    #[test]
    fn none_exchanged_is_the_textbook_and_all_are_pytorch() {
        for (seed, scheme) in
            [(1, Scheme::Static), (2, Scheme::Fused), (3, Scheme::Static), (4, Scheme::Fused)]
        {
            let (mlp, pixels, seen) = example(seed, scheme);
            let (layer, x) = (&mlp.layers()[0], reals(&pixels));
            let hybrid = |causes| {
                let hybrid = Hybrid::new(layer, seen.quant, seen.linear1, causes).unwrap();
                hybrid.outputs(&hybrid.quantize(&x))
            };
            let linear = Linear::new(
                layer,
                QParams::affine(seen.quant, 7).unwrap(),
                QParams::symmetric(Range::of(&layer.weight), 8).unwrap(),
                QParams::affine(seen.linear1, 7).unwrap(),
            );
            let sums = linear.sums(&linear.quantize(&x));
            let textbook: Vec<i16> = sums.into_iter().map(|sum| linear.requantize(sum)).collect();
            assert_eq!(hybrid(&[]), textbook, "{scheme}");

            let calibration = if scheme == Scheme::Static { Calibration::Static } else { Calibration::Fused };
            let int8 = quant::quantize(&mlp, calibration(seen), Granularity::PerTensor).unwrap();
            let steps = int8.trace(Kernel::Scalar, &pixels);
            let step = steps.iter().find(|step| step.name == "linear1").map(|step| &step.values);
            let pytorch = step.and_then(Values::as_integers).unwrap().mapv(i16::from);
            assert_eq!(hybrid(&Cause::ALL), pytorch.as_slice().unwrap(), "{scheme}");

            // What is said to differ is all that does.
            let differences = differences(layer, seen.quant, seen.linear1, &x).unwrap();
            let found: Vec<usize> = differences.iter().map(|difference| difference.output).collect();
            let expected: Vec<usize> =
                (0..60).filter(|&at| textbook[at] != pytorch.as_slice().unwrap()[at]).collect();
            assert_eq!(found, expected, "{scheme}");
        }
    }

    #[test]
    fn each_step_alone_can_move_an_output() {
        use Cause::*;
        // 0.46 is 58.42 steps of 1/127 and 58.65 of 1/127.5, which are rounded to 58 and 59.
        assert_eq!([&[][..], &[Divisor]].map(|set| output(0.46, 1.0, 0.0, 0.5, set)), [116, 118]);
        // 57 · 127 and 19.2 steps of bias are 7258.2. Half a step below output 64 lie 7258.05 steps: 7258 does not reach it.
        let bias = 19.2 / 16129.0;
        assert_eq!([&[][..], &[Bias]].map(|set| output(1.0, 57.0 / 127.0, bias, 0.9, set)), [63, 64]);
        // 0.5 is exactly 63.5 steps, a tie, but its `f32` product with 1/127 · 127 is not.
        assert_eq!([&[][..], &[Single]].map(|set| output(0.0, 0.0, 0.5, 1.0, set)), [64, 63]);
        // A product of bias and reciprocal that is rounded before it is added.
        let case = |set: &[Cause]| output(0.84375, 0.625, 0.26978672, 4.9181447, set);
        assert_ne!(case(&[Bias, Single]), case(&[Bias, Single, Fma]));
        // 1.6 is 203.2 steps, beyond what was observed.
        assert_eq!([&[][..], &[Clamp]].map(|set| output(1.0, 1.0, 0.6, 1.0, set)), [127, 203]);
    }

    #[test]
    fn the_smallest_cure_is_found() {
        let linear = layer(0.46, 0.0);
        let (input, output) = (Range { min: 0.0, max: 1.0 }, Range { min: 0.0, max: 0.5 });
        let found = differences(&linear, input, output, &[1.0, 0.0]).unwrap();
        let expected =
            Difference { output: 0, textbook: 116, pytorch: 118, cures: vec![vec![Cause::Divisor]] };
        assert_eq!(found, [expected]);
    }

    /// One output, with weights `w` and 1.
    fn layer(w: f32, bias: f32) -> float::Linear {
        float::Linear {
            weight: ndarray::Array2::from_shape_vec((1, 2), vec![w, 1.0]).unwrap(),
            bias: ndarray::Array1::from_vec(vec![bias]),
        }
    }

    /// `x·w + bias`, where inputs were seen up to 1 and outputs up to `max`.
    fn output(w: f32, x: f32, bias: f32, max: f32, causes: &[Cause]) -> i16 {
        let (input, output) = (Range { min: 0.0, max: 1.0 }, Range { min: 0.0, max });
        let linear = layer(w, bias);
        let hybrid = Hybrid::new(&linear, input, output, causes).unwrap();
        hybrid.outputs(&hybrid.quantize(&[x, 0.0]))[0]
    }
}
