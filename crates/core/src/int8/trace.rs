//! Every intermediate value of a quantized network, for comparison with another implementation.

use digit8_kernels::int8::Weights;
use ndarray::Array2;

use crate::Kernel;
use crate::digits::{PIXELS, normalized};
use crate::float::{contiguous, matrix};
use crate::int8::engine::{pixel_qparams, quantize_reals};
use crate::int8::{Activations, QuantizedLinear, QuantizedMlp};
use crate::quant::QParams;

/// One step of a forward pass, under PyTorch's module name.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// `quant`, `linear1`, `relu1`, …, `dequant`.
    pub name: &'static str,
    /// What the step put out.
    pub values: Values,
}

/// What a step put out, `[batch, outputs]`.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Integers, with what they stand for.
    Quantized(Array2<u8>, QParams),
    /// Real numbers.
    Real(Array2<f32>),
}

impl Values {
    /// The integers, if they are integers.
    pub fn as_integers(&self) -> Option<&Array2<u8>> {
        match self {
            Values::Quantized(integers, _) => Some(integers),
            Values::Real(_) => None,
        }
    }

    /// The real numbers, if they are real.
    pub fn as_reals(&self) -> Option<&Array2<f32>> {
        match self {
            Values::Real(reals) => Some(reals),
            Values::Quantized(..) => None,
        }
    }

    /// The real numbers that the values are or stand for.
    pub fn real(&self) -> Array2<f32> {
        match self {
            Values::Quantized(q, qparams) => q.mapv(|q| qparams.dequantize(q)),
            Values::Real(values) => values.clone(),
        }
    }
}

impl QuantizedMlp {
    /// The forward pass of `pixels` `[batch, 784]`, step by step. Static: `quant`, `linear1`, `relu1`, `linear2`, `relu2`,
    /// `linear3`, `dequant`; fused: the same without the ReLUs; dynamic: `linear1`, `linear2`, `linear3` before ReLU, the
    /// batch quantized as one tensor.
    pub fn trace(&self, kernel: Kernel, pixels: &[u8]) -> Vec<Step> {
        match *self.activations() {
            Activations::Static { fused, input, outputs } => {
                self.trace_static(kernel, pixels, fused, input, outputs)
            }
            Activations::Dynamic => self.trace_dynamic(kernel, pixels),
        }
    }

    fn trace_static(
        &self,
        kernel: Kernel,
        pixels: &[u8],
        fused: bool,
        input: QParams,
        outputs: [QParams; 3],
    ) -> Vec<Step> {
        const LINEAR: [&str; 3] = ["linear1", "linear2", "linear3"];
        const RELU: [&str; 2] = ["relu1", "relu2"];
        let table = normalized().map(|x| input.quantize(x));
        let quantized: Vec<u8> = pixels.iter().map(|&pixel| table[usize::from(pixel)]).collect();
        let mut x = matrix(&quantized, PIXELS);
        let mut qparams = input;
        let mut steps = vec![Step { name: "quant", values: Values::Quantized(x.clone(), input) }];
        for (index, (layer, output)) in self.layers().iter().zip(outputs).enumerate() {
            let hidden = index < RELU.len();
            let stage = layer.requantization(qparams, output, fused && hidden);
            let mut y = vec![0; x.nrows() * layer.bias.len()];
            pack(kernel, layer).requantize(&contiguous(&x), qparams.zero_point.0, &stage, &mut y);
            let mut y = matrix(&y, layer.bias.len());
            steps.push(Step { name: LINEAR[index], values: Values::Quantized(y.clone(), output) });
            if hidden && !fused {
                y.mapv_inplace(|q| q.max(output.zero_point.0));
                steps.push(Step { name: RELU[index], values: Values::Quantized(y.clone(), output) });
            }
            (x, qparams) = (y, output);
        }
        steps.push(Step { name: "dequant", values: Values::Real(x.mapv(|q| qparams.dequantize(q))) });
        steps
    }

    fn trace_dynamic(&self, kernel: Kernel, pixels: &[u8]) -> Vec<Step> {
        let mut qparams = pixel_qparams(pixels);
        let table = normalized().map(|x| qparams.quantize(x));
        let mut x: Vec<u8> = pixels.iter().map(|&pixel| table[usize::from(pixel)]).collect();
        let names = ["linear1", "linear2", "linear3"];
        let layers = names.into_iter().zip(self.layers());
        layers
            .map(|(name, layer)| {
                let (outputs, inputs) = layer.weight.dim();
                let mut y = vec![0.0; x.len() / inputs * outputs];
                let (zero_point, scale) = (qparams.zero_point.0, qparams.scale.get());
                pack(kernel, layer).dequantize(&x, zero_point, scale, &layer.dequantization(false), &mut y);
                let relu: Vec<f32> = y.iter().map(|y| y.max(0.0)).collect();
                x = vec![0; relu.len()];
                qparams = quantize_reals(kernel, &relu, &mut x);
                Step { name, values: Values::Real(matrix(&y, outputs)) }
            })
            .collect()
    }
}

fn pack(kernel: Kernel, layer: &QuantizedLinear) -> Weights {
    let (outputs, inputs) = layer.weight.dim();
    Weights::pack(kernel, &contiguous(&layer.weight), outputs, inputs)
}
