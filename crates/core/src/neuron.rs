//! One neuron, taken apart: every number on the way from its inputs to its output, in the int8 network and in the float one.
//!
//! A [`Dissection`] runs both networks on one image and keeps what each layer is given. A [`Neuron`] of it lists the steps of
//! rule 6 (static networks) or rule 8 (dynamic ones), each computed from the line before, so that whoever reads them can check
//! every line; the last one is the kernel's own output, bit for bit.

use digit8_kernels::int8::Weights;
use serde::Serialize;

use crate::digits::{CLASSES, PIXELS, normalize};
use crate::float::{Mlp, contiguous};
use crate::int8::{Activations, QuantizedLinear, QuantizedMlp, quantize_reals};
use crate::quant::textbook::{self, FixedPoint};
use crate::quant::{QParams, Scale, WeightScale, ZeroPoint};
use crate::{Error, Kernel, Result};

const LAYERS: usize = 3;

/// Two networks and what they make of one image, layer by layer.
#[derive(Clone, Debug)]
pub struct Dissection<'a> {
    float: &'a Mlp,
    int8: &'a QuantizedMlp,
    layers: [Given; LAYERS],
}

/// What a layer is given and what it puts out.
#[derive(Clone, Debug, Default)]
struct Given {
    /// The float network's inputs, and its outputs before ReLU.
    reals: Vec<f32>,
    real_outputs: Vec<f32>,
    /// The int8 network's inputs, with what they stand for.
    integers: Vec<u8>,
    input: Option<QParams>,
    /// The kernel's sums.
    accumulators: Vec<i32>,
    /// The kernel's outputs behind ReLU: integers of a static network, reals of a dynamic one.
    outputs: Vec<u8>,
    dynamic_outputs: Vec<f32>,
}

/// A tensor in both networks.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// The float network's values.
    pub float: Vec<f32>,
    /// The int8 network's, as real numbers.
    pub int8: Vec<f32>,
    /// Its integers, and what they stand for.
    pub integers: Option<(Vec<u8>, QParams)>,
}

/// A neuron of `linear1`, `linear2` or `linear3`, with all that becomes of its inputs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Neuron {
    /// The layer, 1 to 3.
    pub layer: usize,
    /// Which of the layer's neurons, from 0.
    pub index: usize,
    /// The inputs' integers `[inputs]`.
    pub x: Vec<u8>,
    /// The weights' integers `[inputs]`.
    pub w: Vec<i8>,
    /// The inputs by the magnitude of what they add to the accumulator, `(x - zero point) · w`, the greatest first.
    pub order: Vec<usize>,
    /// What one step of the inputs is worth.
    pub input_scale: Scale,
    /// The integer of an input that stands for 0.
    pub input_zero_point: ZeroPoint,
    /// What one step of the weights is worth; of this neuron alone where there is a scale for each.
    pub weight_scale: Scale,
    /// Whether the weights have a scale for each neuron.
    pub per_channel: bool,
    /// `Σ x·w`.
    pub products: i32,
    /// `Σ w`.
    pub weight_sum: i32,
    /// `zero point · Σ w`: what the products have too much because an input of 0 is not the integer 0.
    pub correction: i32,
    /// `Σ x·w - correction`, which is `Σ (x - zero point)·w`.
    pub accumulator: i32,
    /// What one step of the accumulator is worth: the product of the two scales.
    pub step: f32,
    /// The bias, a real number.
    pub bias: f32,
    /// The way from the accumulator to the output.
    pub output: Output,
    /// The same neuron in the float network.
    pub float: FloatNeuron,
}

/// How the accumulator becomes the output.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Output {
    /// In a static network (rule 6): another integer.
    #[serde(rename_all = "camelCase")]
    Requantized {
        /// The bias in steps of the accumulator, to look at: with one scale for the whole matrix it is not rounded before it is
        /// added.
        bias_steps: f32,
        /// The accumulator with the bias.
        total: f32,
        /// How many steps of the output a step of the accumulator is.
        multiplier: f32,
        /// `total · multiplier`.
        scaled: f32,
        /// The nearest whole number, of two equally near the even one.
        rounded: i32,
        /// The integer of the output that stands for 0.
        zero_point: ZeroPoint,
        /// What one step of the output is worth.
        scale: Scale,
        /// `rounded + zero point`.
        shifted: i32,
        /// `shifted` within 0 to `greatest`: what the linear layer puts out on its own.
        clamped: u8,
        /// The greatest integer: 255, or less where activations have fewer than seven bits.
        greatest: u8,
        /// Behind ReLU, which is `max(clamped, zero point)`; the same as `clamped` in the last layer.
        integer: u8,
        /// What it stands for: `(integer - zero point) · scale`.
        real: f32,
        /// What the textbook makes of the same inputs and weights, on integers alone.
        textbook: Option<Textbook>,
    },
    /// In a dynamic network (rule 8): a real number.
    #[serde(rename_all = "camelCase")]
    Dequantized {
        /// `accumulator · step + bias`: what the linear layer puts out on its own.
        sum: f32,
        /// Behind ReLU; the same in the last layer.
        real: f32,
        /// The integer that the next layer takes it for, by the range of all outputs; none in the last layer.
        next: Option<Next>,
    },
}

/// An output of a dynamic layer as the next layer takes it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Next {
    /// The integer.
    pub integer: u8,
    /// What one step is worth.
    pub scale: Scale,
    /// The integer that stands for 0.
    pub zero_point: ZeroPoint,
}

/// The textbook's arithmetic without any real number (arXiv 1712.05877, section 2.4), from the same integers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Textbook {
    /// The bias as a whole number of steps of the accumulator.
    pub bias: i32,
    /// The accumulator with it.
    pub sum: i32,
    /// The multiplier's mantissa, times 2³¹.
    pub multiplier: i32,
    /// The bits to shift to the right besides 31.
    pub shift: u32,
    /// The product, shifted and rounded.
    pub rounded: i32,
    /// The output, behind ReLU.
    pub integer: u8,
}

/// The neuron of the float network.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FloatNeuron {
    /// The inputs `[inputs]`.
    pub x: Vec<f32>,
    /// The weights `[inputs]`.
    pub w: Vec<f32>,
    /// `Σ x·w`, computed in `f64`.
    pub products: f64,
    /// The bias.
    pub bias: f32,
    /// The network's own output before ReLU.
    pub sum: f32,
    /// Behind ReLU; the same in the last layer.
    pub real: f32,
}

impl<'a> Dissection<'a> {
    /// Runs both networks on `pixels` `[784]`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if it is not one image, or the networks are not of one size.
    pub fn new(float: &'a Mlp, int8: &'a QuantizedMlp, kernel: Kernel, pixels: &[u8]) -> Result<Self> {
        if pixels.len() != PIXELS {
            return Err(Error::Mismatch(format!("{} pixels, expected {PIXELS}", pixels.len())));
        }
        if float.hidden() != int8.hidden() {
            return Err(Error::Mismatch("a float network and an int8 one of other sizes".into()));
        }
        let mut layers: [Given; LAYERS] = Default::default();
        on_reals(float, kernel, pixels, &mut layers);
        on_integers(int8, kernel, pixels, &mut layers);
        Ok(Self { float, int8, layers })
    }

    /// The number of neurons of each layer.
    pub fn sizes(&self) -> [usize; LAYERS] {
        let [h1, h2] = self.int8.hidden();
        [h1, h2, CLASSES]
    }

    /// What every neuron of a layer (1 to 3) hands on in the int8 network, as real numbers.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if there is no such layer.
    pub fn outputs(&self, layer: usize) -> Result<Vec<f32>> {
        let given = self.given(layer)?;
        Ok(match *self.int8.activations() {
            Activations::Static { outputs, .. } => {
                given.outputs.iter().map(|&q| outputs[layer - 1].dequantize(q)).collect()
            }
            Activations::Dynamic => given.dynamic_outputs.clone(),
        })
    }

    /// The input and what the three layers hand on: the float network's values, the int8 network's, and its integers with what
    /// they stand for; the output of a dynamic network has none.
    pub fn tensors(&self) -> [Tensor; LAYERS + 1] {
        let integers = |at: usize| match (self.layers.get(at), *self.int8.activations()) {
            (Some(given), _) => given.input.map(|qparams| (given.integers.clone(), qparams)),
            (None, Activations::Static { outputs: [.., output], .. }) => {
                Some((self.layers[LAYERS - 1].outputs.clone(), output))
            }
            (None, Activations::Dynamic) => None,
        };
        std::array::from_fn(|at| {
            let integers = integers(at);
            let float = match self.layers.get(at) {
                Some(given) => given.reals.clone(),
                None => self.layers[LAYERS - 1].real_outputs.clone(),
            };
            let int8 = match (&integers, *self.int8.activations(), at) {
                (Some((values, qparams)), Activations::Static { .. }, _)
                | (Some((values, qparams)), _, 0) => values.iter().map(|&q| qparams.dequantize(q)).collect(),
                _ => self.layers[at - 1].dynamic_outputs.clone(),
            };
            Tensor { float, int8, integers }
        })
    }

    /// Neuron `index` (from 0) of a layer (1 to 3).
    ///
    /// # Errors
    /// [`Error::Mismatch`] if there is no such neuron.
    pub fn neuron(&self, layer: usize, index: usize) -> Result<Neuron> {
        let given = self.given(layer)?;
        if index >= self.sizes()[layer - 1] {
            let count = self.sizes()[layer - 1];
            return Err(Error::Mismatch(format!("neuron {index} of linear{layer}, which has {count}")));
        }
        let linear = &self.int8.layers()[layer - 1];
        let input = given.input.ok_or_else(|| Error::Mismatch("a layer without inputs".into()))?;
        let (x, w) = (given.integers.clone(), linear.weight.row(index).to_vec());
        let pairs = || x.iter().zip(&w).map(|(&x, &w)| (i32::from(x), i32::from(w)));
        let products = pairs().map(|(x, w)| x * w).sum();
        let weight_sum = pairs().map(|(_, w)| w).sum();
        let zero_point = i32::from(input.zero_point.0);
        let correction = zero_point * weight_sum;
        let accumulator = products - correction;
        let added: Vec<i32> = pairs().map(|(x, w)| ((x - zero_point) * w).abs()).collect();
        let mut order: Vec<usize> = (0..x.len()).collect();
        order.sort_by_key(|&at| std::cmp::Reverse(added[at]));
        let weight_scale = linear.weight_scale.of(index);
        let step = input.scale.get() * weight_scale.get();
        let hidden = layer < LAYERS;
        let output = match *self.int8.activations() {
            Activations::Static { outputs, .. } => {
                requantized(linear, index, accumulator, (input, outputs[layer - 1]), hidden, &x)
            }
            Activations::Dynamic => {
                let sum = (accumulator as f32).mul_add(step, linear.bias[index]);
                let real = if hidden { sum.max(0.0) } else { sum };
                let next = self.layers.get(layer).and_then(|next| {
                    let QParams { scale, zero_point, .. } = next.input?;
                    Some(Next { integer: *next.integers.get(index)?, scale, zero_point })
                });
                Output::Dequantized { sum, real, next }
            }
        };
        Ok(Neuron {
            layer,
            index,
            order,
            input_scale: input.scale,
            input_zero_point: input.zero_point,
            weight_scale,
            per_channel: matches!(linear.weight_scale, WeightScale::PerChannel(_)),
            products,
            weight_sum,
            correction,
            accumulator,
            step,
            bias: linear.bias[index],
            output,
            float: self.float_neuron(layer, index),
            x,
            w,
        })
    }

    fn given(&self, layer: usize) -> Result<&Given> {
        let found = layer.checked_sub(1).and_then(|layer| self.layers.get(layer));
        found.ok_or_else(|| Error::Mismatch(format!("layer {layer}, expected 1 to {LAYERS}")))
    }

    fn float_neuron(&self, layer: usize, index: usize) -> FloatNeuron {
        let (given, linear) = (&self.layers[layer - 1], &self.float.layers()[layer - 1]);
        let (x, w) = (given.reals.clone(), linear.weight.row(index).to_vec());
        let products = x.iter().zip(&w).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum();
        let sum = given.real_outputs[index];
        let real = if layer < LAYERS { sum.max(0.0) } else { sum };
        FloatNeuron { x, w, products, bias: linear.bias[index], sum, real }
    }
}

fn on_reals(float: &Mlp, kernel: Kernel, pixels: &[u8], layers: &mut [Given; LAYERS]) {
    let mut x: Vec<f32> = pixels.iter().map(|&pixel| normalize(pixel)).collect();
    for (given, outputs) in layers.iter_mut().zip(float.layer_outputs(kernel, pixels)) {
        given.reals = x;
        given.real_outputs = contiguous(&outputs);
        x = given.real_outputs.iter().map(|y| y.max(0.0)).collect();
    }
}

fn on_integers(int8: &QuantizedMlp, kernel: Kernel, pixels: &[u8], layers: &mut [Given; LAYERS]) {
    let reals: Vec<f32> = pixels.iter().map(|&pixel| normalize(pixel)).collect();
    let mut x = vec![0; PIXELS];
    let mut qparams = match *int8.activations() {
        Activations::Static { input, .. } => {
            x = reals.iter().map(|&real| input.quantize(real)).collect();
            input
        }
        Activations::Dynamic => quantize_reals(kernel, &reals, &mut x),
    };
    for (index, (given, linear)) in layers.iter_mut().zip(int8.layers()).enumerate() {
        let (outputs, inputs) = linear.weight.dim();
        let weights = Weights::pack(kernel, &contiguous(&linear.weight), outputs, inputs);
        let hidden = index + 1 < LAYERS;
        let zero_point = qparams.zero_point.0;
        given.accumulators = vec![0; outputs];
        weights.accumulate(&x, zero_point, &mut given.accumulators);
        given.input = Some(qparams);
        match *int8.activations() {
            Activations::Static { outputs: parameters, .. } => {
                let output = parameters[index];
                let stage = linear.requantization(qparams, output, hidden);
                given.outputs = vec![0; outputs];
                weights.requantize(&x, zero_point, &stage, &mut given.outputs);
                qparams = output;
                given.integers = std::mem::replace(&mut x, given.outputs.clone());
            }
            Activations::Dynamic => {
                let stage = linear.dequantization(hidden);
                given.dynamic_outputs = vec![0.0; outputs];
                weights.dequantize(&x, zero_point, qparams.scale.get(), &stage, &mut given.dynamic_outputs);
                given.integers = std::mem::replace(&mut x, vec![0; outputs]);
                if hidden {
                    qparams = quantize_reals(kernel, &given.dynamic_outputs, &mut x);
                }
            }
        }
    }
}

/// Rule 6, line by line.
fn requantized(
    linear: &QuantizedLinear,
    row: usize,
    accumulator: i32,
    (input, output): (QParams, QParams),
    hidden: bool,
    x: &[u8],
) -> Output {
    let bias = linear.bias[row];
    let step = input.scale.get() * linear.weight_scale.of(row).get();
    let (bias_steps, total) = match linear.weight_scale {
        WeightScale::PerTensor(_) => {
            let inverse = step.recip();
            (bias * inverse, bias.mul_add(inverse, accumulator as f32))
        }
        WeightScale::PerChannel(_) => (bias / step, bias / step + accumulator as f32),
    };
    let multiplier = step / output.scale.get();
    let scaled = total * multiplier;
    // What does not fit is the least integer, as the CPU's own conversion has it.
    let rounded = if scaled >= 2f32.powi(31) { i32::MIN } else { scaled.round_ties_even() as i32 };
    let shifted = rounded.saturating_add(output.zero_point.0.into());
    let clamped = shifted.clamp(0, output.max.into()) as u8;
    let integer = if hidden { clamped.max(output.zero_point.0) } else { clamped };
    Output::Requantized {
        bias_steps,
        total,
        multiplier,
        scaled,
        rounded,
        zero_point: output.zero_point,
        scale: output.scale,
        shifted,
        clamped,
        greatest: output.max,
        integer,
        real: output.dequantize(integer),
        textbook: textbook(linear, row, (input, output), hidden, x),
    }
}

/// The textbook's arithmetic on this neuron's integers; none where the multiplier has no fixed-point form.
fn textbook(
    linear: &QuantizedLinear,
    row: usize,
    (input, output): (QParams, QParams),
    hidden: bool,
    x: &[u8],
) -> Option<Textbook> {
    let parameters = |scale: Scale, zero_point: u8, qmin, qmax| textbook::QParams {
        scale: scale.get().into(),
        zero_point: zero_point.into(),
        qmin,
        qmax,
    };
    let input = parameters(input.scale, input.zero_point.0, 0, 255);
    let weights = parameters(linear.weight_scale.of(row), 0, -128, 127);
    // ReLU is the lower end of the clamp.
    let least = if hidden { output.zero_point.0.into() } else { 0 };
    let output = parameters(output.scale, output.zero_point.0, least, output.max.into());
    let bias = (f64::from(linear.bias[row]) / (input.scale * weights.scale)).round_ties_even() as i32;
    let neuron = textbook::Linear {
        weight: linear.weight.row(row).iter().map(|&w| w.into()).collect(),
        bias: vec![bias],
        input,
        weights,
        output,
    };
    let inputs: Vec<i16> = x.iter().map(|&x| x.into()).collect();
    let &[sum] = &neuron.sums(&inputs)[..] else { return None };
    let fixed = neuron.fixed_point().ok()?;
    let FixedPoint { multiplier, shift } = fixed;
    let integer = u8::try_from(neuron.requantize_on_integers(fixed, sum)).ok()?;
    Some(Textbook { bias, sum, multiplier, shift, rounded: fixed.multiply(sum), integer })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::int8::Scheme;
    use crate::quant::{Calibration, Granularity, calibrate, quantize};

    /// Images with little ink and with much.
    fn images(count: usize) -> Vec<u8> {
        (0..count * PIXELS)
            .map(|at| if at % 7 <= at / PIXELS { (at * 7919 % 256) as u8 } else { 0 })
            .collect()
    }

    fn quantized(mlp: &Mlp, scheme: Scheme, granularity: Granularity) -> QuantizedMlp {
        let observe = || calibrate(mlp, Kernel::Scalar, scheme, &images(5), |_| ());
        quantize(mlp, Calibration::of(scheme, observe).unwrap(), granularity).unwrap()
    }

    #[test]
    fn every_line_of_all_neurons_leads_to_the_kernels_own_integers() {
        let mlp = Mlp::random([100, 100], 11).unwrap();
        for scheme in Scheme::ALL {
            for granularity in [Granularity::PerTensor, Granularity::PerChannel] {
                let int8 = quantized(&mlp, scheme, granularity);
                for (kernel, image) in Kernel::available()
                    .into_iter()
                    .flat_map(|kernel| [0, 4].map(|image| (kernel, image * PIXELS)))
                {
                    let pixels = &images(5)[image..][..PIXELS];
                    let dissection = Dissection::new(&mlp, &int8, kernel, pixels).unwrap();
                    let mut count = 0;
                    for layer in 1..=LAYERS {
                        let outputs = dissection.outputs(layer).unwrap();
                        for (index, output) in outputs.iter().enumerate() {
                            let neuron = dissection.neuron(layer, index).unwrap();
                            let what = format!("{scheme} {granularity:?} {} {layer}-{index}", kernel.name());
                            adds_up(&neuron, &dissection.layers[layer - 1], &what);
                            assert_eq!(neuron.output.real(), *output, "{what}");
                            count += 1;
                        }
                    }
                    assert_eq!(count, 210);
                    let mut logits = [0.0; CLASSES];
                    int8.engine(kernel).logits(pixels, &mut logits);
                    assert_eq!(dissection.outputs(3).unwrap(), logits, "{scheme} {granularity:?}");
                }
            }
        }
    }

    impl Output {
        fn real(&self) -> f32 {
            match self {
                Output::Requantized { real, .. } | Output::Dequantized { real, .. } => *real,
            }
        }
    }

    /// Each line follows from the one before it, and the sums and outputs are the kernel's.
    fn adds_up(neuron: &Neuron, given: &Given, what: &str) {
        let index = neuron.index;
        let zero_point = i32::from(neuron.input_zero_point.0);
        let centred: i32 =
            neuron.x.iter().zip(&neuron.w).map(|(&x, &w)| (i32::from(x) - zero_point) * i32::from(w)).sum();
        assert_eq!(neuron.products - neuron.correction, neuron.accumulator, "{what}");
        assert_eq!(neuron.accumulator, centred, "{what}");
        assert_eq!(neuron.accumulator, given.accumulators[index], "{what}");
        let added = |&at: &usize| ((i32::from(neuron.x[at]) - zero_point) * i32::from(neuron.w[at])).abs();
        assert!(neuron.order.is_sorted_by_key(|at| -added(at)), "{what}");
        let mut all = neuron.order.clone();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..neuron.x.len()), "{what}");
        match &neuron.output {
            Output::Requantized {
                total,
                multiplier,
                scaled,
                rounded,
                zero_point,
                shifted,
                clamped,
                integer,
                textbook,
                ..
            } => {
                let exact = f64::from(neuron.accumulator) + f64::from(neuron.bias) / f64::from(neuron.step);
                assert!((f64::from(*total) - exact).abs() <= 1e-6 * exact.abs() + 0.01, "{what}");
                assert_eq!(*scaled, total * multiplier, "{what}");
                assert!((scaled - *rounded as f32).abs() <= 0.5, "{what}");
                assert_eq!(*shifted, rounded + i32::from(zero_point.0), "{what}");
                assert_eq!(i32::from(*clamped), (*shifted).clamp(0, 255), "{what}");
                assert_eq!(*integer, given.outputs[index], "{what}");
                let textbook = textbook.as_ref().unwrap();
                assert_eq!(textbook.sum, neuron.accumulator + textbook.bias, "{what}");
                assert!(textbook.integer.abs_diff(*integer) <= 1, "{what}: {textbook:?} for {integer}");
            }
            Output::Dequantized { real, next, .. } => {
                assert_eq!(*real, given.dynamic_outputs[index], "{what}");
                assert_eq!(next.is_some(), neuron.layer < LAYERS, "{what}");
                if let Some(Next { integer, scale, zero_point }) = next {
                    let steps = f32::from(*integer) - f32::from(zero_point.0);
                    assert!((steps * scale.get() - real).abs() <= scale.get() * 0.51, "{what}");
                }
            }
        }
        let float = &neuron.float;
        assert!((float.products + f64::from(float.bias) - f64::from(float.sum)).abs() < 1e-4, "{what}");
        let off = (f64::from(float.real) - f64::from(neuron.output.real())).abs();
        assert!(off < 0.2, "{what}: {off}");
    }

    #[test]
    fn a_neuron_outside_the_network_is_an_error() {
        let mlp = Mlp::random([6, 5], 1).unwrap();
        let int8 = quantized(&mlp, Scheme::Fused, Granularity::PerTensor);
        let blank = [0; PIXELS];
        let dissection = Dissection::new(&mlp, &int8, Kernel::Scalar, &blank).unwrap();
        assert_eq!(dissection.sizes(), [6, 5, 10]);
        for (layer, index) in [(0, 0), (4, 0), (1, 6), (3, 10)] {
            assert!(matches!(dissection.neuron(layer, index), Err(Error::Mismatch(_))), "{layer}-{index}");
        }
        assert!(Dissection::new(&mlp, &int8, Kernel::Scalar, &blank[1..]).is_err());
        let other = Mlp::random([7, 5], 1).unwrap();
        assert!(Dissection::new(&other, &int8, Kernel::Scalar, &blank).is_err());
    }
}
