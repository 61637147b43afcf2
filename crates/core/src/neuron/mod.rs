//! One neuron, taken apart: every number on the way from its inputs to its output, in the int8 network and in the float one.
//!
//! A [`Dissection`] runs both networks on one image and keeps what each layer is given. A [`Neuron`] of it lists the steps of
//! rule 6 (static networks) or rule 8 (dynamic ones), each computed from the line before, so that whoever reads them can check
//! every line; the last one is the kernel's own output, bit for bit.

mod lines;
#[cfg(test)]
mod tests;

use digit8_kernels::int8::Weights;
use serde::Serialize;

use crate::digits::{CLASSES, PIXELS, normalize};
use crate::float::{Mlp, contiguous};
use crate::int8::{Activations, QuantizedMlp, quantize_reals};
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
                lines::requantized(linear, index, accumulator, (input, outputs[layer - 1]), hidden, &x)
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
