use digit8_kernels::int8::{Dequantize, Requantize, Weights, lookup, min_max, quantize};

use crate::Kernel;
use crate::digits::{CLASSES, PIXELS, normalize, normalized};
use crate::float::contiguous;
use crate::int8::{Activations, QuantizedMlp};
use crate::quant::{QParams, ZeroPoint, dynamic_qparams};

/// The quantized network packed for one kernel, with the buffers it works in.
#[derive(Clone, Debug)]
pub struct Int8Engine {
    weights: [Weights; 3],
    stages: Stages,
    /// Quantized activations: of the input and of the two hidden layers; they grow to the largest batch seen and stay.
    integers: [Vec<u8>; 3],
    /// The last layer's integers (static), or a hidden layer's reals (dynamic).
    last: Vec<u8>,
    reals: Vec<f32>,
}

#[derive(Clone, Debug)]
enum Stages {
    Static {
        table: Box<[u8; 256]>,
        zero_points: [ZeroPoint; 3],
        requantize: [Requantize; 3],
        output: QParams,
    },
    Dynamic {
        dequantize: [Dequantize; 3],
    },
}

impl QuantizedMlp {
    /// The network packed for `kernel`, ready to classify.
    pub fn engine(&self, kernel: Kernel) -> Int8Engine {
        let weights = self.layers().each_ref().map(|layer| {
            let (outputs, inputs) = layer.weight.dim();
            Weights::pack(kernel, &contiguous(&layer.weight), outputs, inputs)
        });
        let [linear1, linear2, linear3] = self.layers();
        let stages = match *self.activations() {
            // ReLU on its own is `max(q, zero_point)` (rule 5), which is what the clamp of a fused layer does.
            Activations::Static { input, outputs: [hidden1, hidden2, output], .. } => Stages::Static {
                table: Box::new(normalized().map(|x| input.quantize(x))),
                zero_points: [input, hidden1, hidden2].map(|qparams| qparams.zero_point),
                requantize: [
                    linear1.requantization(input, hidden1, true),
                    linear2.requantization(hidden1, hidden2, true),
                    linear3.requantization(hidden2, output, false),
                ],
                output,
            },
            Activations::Dynamic => Stages::Dynamic {
                dequantize: [
                    linear1.dequantization(true),
                    linear2.dequantization(true),
                    linear3.dequantization(false),
                ],
            },
        };
        Int8Engine { weights, stages, integers: Default::default(), last: Vec::new(), reals: Vec::new() }
    }
}

impl Int8Engine {
    /// `logits` `[batch, 10]` of `pixels` `[batch, 784]`. A dynamic network quantizes the batch as one tensor, as PyTorch
    /// does: its answers to an image depend, in the last digits, on the others in the batch.
    ///
    /// # Panics
    /// If the slices are not of one whole number of images.
    pub fn logits(&mut self, pixels: &[u8], logits: &mut [f32]) {
        let batch = pixels.len() / PIXELS;
        assert_eq!(
            (batch * PIXELS, batch * CLASSES),
            (pixels.len(), logits.len()),
            "whole images, ten logits each"
        );
        let [w1, w2, w3] = &self.weights;
        let kernel = w1.kernel();
        let [x, hidden1, hidden2] = &mut self.integers;
        x.resize(pixels.len(), 0);
        hidden1.resize(batch * w1.outputs(), 0);
        hidden2.resize(batch * w2.outputs(), 0);
        match &self.stages {
            Stages::Static { table, zero_points, requantize: [stage1, stage2, stage3], output } => {
                self.last.resize(logits.len(), 0);
                lookup(kernel, table, pixels, x);
                w1.requantize(x, zero_points[0].0, stage1, hidden1);
                w2.requantize(hidden1, zero_points[1].0, stage2, hidden2);
                w3.requantize(hidden2, zero_points[2].0, stage3, &mut self.last);
                for (logit, &q) in logits.iter_mut().zip(&self.last) {
                    *logit = output.dequantize(q);
                }
            }
            Stages::Dynamic { dequantize: [stage1, stage2, stage3] } => {
                let qparams = pixel_qparams(pixels);
                let table = normalized().map(|x| qparams.quantize(x));
                lookup(kernel, &table, pixels, x);
                self.reals.resize(hidden1.len(), 0.0);
                w1.dequantize(x, qparams.zero_point.0, qparams.scale.get(), stage1, &mut self.reals);
                let qparams = quantize_reals(kernel, &self.reals, hidden1);
                self.reals.resize(hidden2.len(), 0.0);
                w2.dequantize(hidden1, qparams.zero_point.0, qparams.scale.get(), stage2, &mut self.reals);
                let qparams = quantize_reals(kernel, &self.reals, hidden2);
                w3.dequantize(hidden2, qparams.zero_point.0, qparams.scale.get(), stage3, logits);
            }
        }
    }
}

/// The dynamic parameters of a batch of pixels: normalising keeps their order, so the extremes are theirs.
pub(super) fn pixel_qparams(pixels: &[u8]) -> QParams {
    let min = pixels.iter().copied().min().unwrap_or(0);
    let max = pixels.iter().copied().max().unwrap_or(0);
    dynamic_qparams(normalize(min), normalize(max))
}

/// Quantizes a batch of reals by their own range.
pub(super) fn quantize_reals(kernel: Kernel, reals: &[f32], out: &mut [u8]) -> QParams {
    let (min, max) = min_max(kernel, reals);
    let qparams = dynamic_qparams(min, max);
    quantize(kernel, reals, qparams.scale.get().recip(), qparams.zero_point.0, out);
    qparams
}
