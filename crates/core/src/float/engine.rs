use digit8_kernels::Kernel;
use digit8_kernels::float::Weights;

use crate::digits::{CLASSES, PIXELS, normalize, normalized};
use crate::float::{Mlp, contiguous};

/// The float32 network packed for one kernel, with the buffers it works in.
///
/// Pixels go in as their distance from paper, so that background is exactly 0 and the first layer can skip it; what paper
/// itself adds, `normalize(0) · Σ w`, is part of the first bias. That moves the logits by rounding alone.
#[derive(Clone, Debug)]
pub struct FloatEngine {
    weights: [Weights; 3],
    biases: [Vec<f32>; 3],
    table: [f32; 256],
    /// The input and the two hidden layers' activations; they grow to the largest batch seen and stay.
    buffers: [Vec<f32>; 3],
}

impl Mlp {
    /// The network packed for `kernel`, ready to classify.
    pub fn engine(&self, kernel: Kernel) -> FloatEngine {
        let paper = normalize(0);
        let mut biases = self.layers().each_ref().map(|layer| layer.bias.to_vec());
        for (bias, row) in biases[0].iter_mut().zip(self.layers()[0].weight.rows()) {
            let sum: f64 = row.iter().map(|&w| f64::from(w)).sum();
            *bias = (f64::from(*bias) + f64::from(paper) * sum) as f32;
        }
        FloatEngine {
            weights: self.layers().each_ref().map(|layer| {
                let (outputs, inputs) = layer.weight.dim();
                Weights::pack(kernel, &contiguous(&layer.weight), outputs, inputs)
            }),
            biases,
            table: normalized().map(|x| x - paper),
            buffers: Default::default(),
        }
    }
}

impl FloatEngine {
    /// `logits` `[batch, 10]` of `pixels` `[batch, 784]`.
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
        // Blocks of images whose activations stay in the first cache.
        const BLOCK: usize = 8;
        for (pixels, logits) in pixels.chunks(BLOCK * PIXELS).zip(logits.chunks_mut(BLOCK * CLASSES)) {
            self.block(pixels, logits);
        }
    }

    fn block(&mut self, pixels: &[u8], logits: &mut [f32]) {
        let batch = pixels.len() / PIXELS;
        let [x, hidden1, hidden2] = &mut self.buffers;
        x.clear();
        x.extend(pixels.iter().map(|&pixel| self.table[usize::from(pixel)]));
        hidden1.resize(batch * self.weights[0].outputs(), 0.0);
        hidden2.resize(batch * self.weights[1].outputs(), 0.0);
        self.weights[0].forward(x, &self.biases[0], true, hidden1);
        self.weights[1].forward(hidden1, &self.biases[1], true, hidden2);
        self.weights[2].forward(hidden2, &self.biases[2], false, logits);
    }
}
