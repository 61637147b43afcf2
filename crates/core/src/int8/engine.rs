use digit8_kernels::int8::{
    Dequantize, Output, PixelTable, Requantize, Weights, extremes, lookup, min_max, quantize,
};

use crate::Kernel;
use crate::blocks::{self, Threads, space};
use crate::digits::{CLASSES, PIXELS, normalize, normalized};
use crate::float::contiguous;
use crate::int8::{Activations, QuantizedMlp};
use crate::quant::{QParams, ZeroPoint, dynamic_qparams};

/// The quantized network packed for one kernel, with the buffers it works in.
#[derive(Clone, Debug)]
pub struct Int8Engine {
    weights: [Weights; 3],
    stages: Stages,
    buffers: Buffers,
    /// Of a dynamic network: the hidden layers' reals of a whole batch. They grow to the largest batch seen and stay.
    reals: [Vec<f32>; 2],
}

#[derive(Clone, Debug)]
enum Stages {
    Static(Box<Static>),
    Dynamic { normalized: Box<[f32; 256]>, dequantize: [Dequantize; 3] },
}

#[derive(Clone, Debug)]
struct Static {
    table: PixelTable,
    zero_points: [ZeroPoint; 3],
    requantize: [Requantize; 3],
    output: QParams,
}

/// The integers of a block: the input, the two hidden layers and the output.
type Buffers = [Vec<u8>; 4];

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
            Activations::Static { input, outputs: [hidden1, hidden2, output], .. } => {
                Stages::Static(Box::new(Static {
                    table: PixelTable::new(kernel, normalized().map(|x| input.quantize(x))),
                    zero_points: [input, hidden1, hidden2].map(|qparams| qparams.zero_point),
                    requantize: [
                        linear1.requantization(input, hidden1, true),
                        linear2.requantization(hidden1, hidden2, true),
                        linear3.requantization(hidden2, output, false),
                    ],
                    output,
                }))
            }
            Activations::Dynamic => Stages::Dynamic {
                normalized: Box::new(normalized()),
                dequantize: [
                    linear1.dequantization(true),
                    linear2.dequantization(true),
                    linear3.dequantization(false),
                ],
            },
        };
        Int8Engine { weights, stages, buffers: Buffers::default(), reals: Default::default() }
    }
}

impl Int8Engine {
    /// `logits` `[batch, 10]` of `pixels` `[batch, 784]`. A dynamic network quantizes the batch as one tensor, as PyTorch
    /// does: its answers to an image depend, in the last digits, on the others in the batch.
    ///
    /// # Panics
    /// If the slices are not of one whole number of images.
    pub fn logits(&mut self, pixels: &[u8], logits: &mut [f32]) {
        self.run(Threads::One, pixels, logits);
    }

    /// [`logits`](Self::logits), to the bit, with the images shared among all threads.
    ///
    /// # Panics
    /// If the slices are not of one whole number of images.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn logits_parallel(&mut self, pixels: &[u8], logits: &mut [f32]) {
        self.run(Threads::All, pixels, logits);
    }

    fn run(&mut self, threads: Threads, pixels: &[u8], logits: &mut [f32]) {
        blocks::check(pixels, logits);
        let weights = &self.weights;
        match &self.stages {
            Stages::Static(stages) => {
                let forward = |buffers: &mut Buffers, pixels: &[u8], logits: &mut [f32]| {
                    stages.forward(weights, buffers, pixels, logits);
                };
                let (x, y) = ((pixels, PIXELS), (logits, CLASSES));
                blocks::fold(threads, x, y, &mut self.buffers, forward, |(), ()| ());
            }
            Stages::Dynamic { normalized, dequantize: [stage1, stage2, stage3] } => {
                let [w1, w2, w3] = weights;
                let kernel = w1.kernel();
                let buffers = &mut self.buffers;
                let [reals1, reals2] = &mut self.reals;
                let (batch, h1, h2) = (pixels.len() / PIXELS, w1.outputs(), w2.outputs());
                let (reals1, reals2) = (space(reals1, batch * h1), space(reals2, batch * h2));

                let input = pixel_qparams(pixels);
                let mut table = [0; 256];
                quantize(
                    kernel,
                    &normalized[..],
                    input.scale.get().recip(),
                    Output::eight_bits(input.zero_point.0),
                    &mut table,
                );
                let linear1 = |[x, ..]: &mut Buffers, pixels: &[u8], y: &mut [f32]| {
                    let x = space(x, pixels.len());
                    lookup(kernel, &table, pixels, x);
                    w1.dequantize(x, input.zero_point.0, input.scale.get(), stage1, y);
                    min_max(kernel, y)
                };
                let range = blocks::fold(threads, (pixels, PIXELS), (reals1, h1), buffers, linear1, widest);
                let linear2 = hidden(range, w2, stage2);
                let range = blocks::fold(threads, (reals1, h1), (reals2, h2), buffers, linear2, widest);
                let linear3 = hidden(range, w3, stage3);
                blocks::fold(threads, (reals2, h2), (logits, CLASSES), buffers, linear3, widest);
            }
        }
    }
}

impl Static {
    fn forward(&self, weights: &[Weights; 3], buffers: &mut Buffers, pixels: &[u8], logits: &mut [f32]) {
        let batch = pixels.len() / PIXELS;
        let [w1, w2, w3] = weights;
        let [stage1, stage2, stage3] = &self.requantize;
        let [x, hidden1, hidden2, output] = buffers;
        let x = space(x, pixels.len());
        let hidden1 = space(hidden1, batch * w1.outputs());
        let hidden2 = space(hidden2, batch * w2.outputs());
        let output = space(output, logits.len());
        self.table.lookup(pixels, x);
        w1.requantize(x, self.zero_points[0].0, stage1, hidden1);
        w2.requantize(hidden1, self.zero_points[1].0, stage2, hidden2);
        w3.requantize(hidden2, self.zero_points[2].0, stage3, output);
        for (logit, &q) in logits.iter_mut().zip(&*output) {
            *logit = self.output.dequantize(q);
        }
    }
}

/// A dynamic layer behind another, whose outputs have the extremes `range` in the whole batch; gives its own extremes.
fn hidden(
    range: (f32, f32),
    weights: &Weights,
    stage: &Dequantize,
) -> impl Fn(&mut Buffers, &[f32], &mut [f32]) -> (f32, f32) {
    let kernel = weights.kernel();
    let qparams = dynamic_qparams(range.0, range.1);
    move |[x, ..], reals, y| {
        let x = space(x, reals.len());
        quantize(kernel, reals, qparams.scale.get().recip(), Output::eight_bits(qparams.zero_point.0), x);
        weights.dequantize(x, qparams.zero_point.0, qparams.scale.get(), stage, y);
        min_max(kernel, y)
    }
}

/// The range that holds two.
fn widest(a: (f32, f32), b: (f32, f32)) -> (f32, f32) {
    (a.0.min(b.0), a.1.max(b.1))
}

/// The dynamic parameters of a batch of pixels: normalising keeps their order, so the extremes are theirs.
pub(super) fn pixel_qparams(pixels: &[u8]) -> QParams {
    let (min, max) = extremes(pixels);
    dynamic_qparams(normalize(min), normalize(max))
}

/// Quantizes a batch of reals by their own range.
pub(crate) fn quantize_reals(kernel: Kernel, reals: &[f32], out: &mut [u8]) -> QParams {
    let (min, max) = min_max(kernel, reals);
    let qparams = dynamic_qparams(min, max);
    quantize(kernel, reals, qparams.scale.get().recip(), Output::eight_bits(qparams.zero_point.0), out);
    qparams
}
