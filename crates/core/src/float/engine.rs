use digit8_kernels::Kernel;
use digit8_kernels::float::{Weights, lookup};

use crate::blocks::{self, Threads, space};
use crate::digits::{CLASSES, PIXELS, normalize, normalized};
use crate::float::{Mlp, contiguous};

/// The float32 network packed for one kernel, with the buffers it works in.
///
/// Pixels go in as their distance from paper, so that background is exactly 0 and the first layer can skip it; what paper
/// itself adds, `normalize(0) · Σ w`, is part of the first bias. That moves the logits by rounding alone.
#[derive(Clone, Debug)]
pub struct FloatEngine {
    layers: Layers,
    buffers: Buffers,
}

#[derive(Clone, Debug)]
struct Layers {
    weights: [Weights; 3],
    biases: [Vec<f32>; 3],
    table: [f32; 256],
}

/// The input and the two hidden layers' activations of a block.
type Buffers = [Vec<f32>; 3];

impl Mlp {
    /// The network packed for `kernel`, ready to classify.
    pub fn engine(&self, kernel: Kernel) -> FloatEngine {
        let paper = normalize(0);
        let mut biases = self.layers().each_ref().map(|layer| layer.bias.to_vec());
        for (bias, row) in biases[0].iter_mut().zip(self.layers()[0].weight.rows()) {
            let sum: f64 = row.iter().map(|&w| f64::from(w)).sum();
            *bias = (f64::from(*bias) + f64::from(paper) * sum) as f32;
        }
        let layers = Layers {
            weights: self.layers().each_ref().map(|layer| {
                let (outputs, inputs) = layer.weight.dim();
                Weights::pack(kernel, &contiguous(&layer.weight), outputs, inputs)
            }),
            biases,
            table: normalized().map(|x| x - paper),
        };
        FloatEngine { layers, buffers: Buffers::default() }
    }
}

impl FloatEngine {
    /// `logits` `[batch, 10]` of `pixels` `[batch, 784]`.
    ///
    /// # Panics
    /// If the slices are not of one whole number of images.
    pub fn logits(&mut self, pixels: &[u8], logits: &mut [f32]) {
        self.run(Threads::One, pixels, logits);
    }

    /// [`logits`](Self::logits), with the images shared among all threads.
    ///
    /// # Panics
    /// If the slices are not of one whole number of images.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn logits_parallel(&mut self, pixels: &[u8], logits: &mut [f32]) {
        self.run(Threads::All, pixels, logits);
    }

    fn run(&mut self, threads: Threads, pixels: &[u8], logits: &mut [f32]) {
        blocks::check(pixels, logits);
        let layers = &self.layers;
        let forward = |buffers: &mut Buffers, pixels: &[u8], logits: &mut [f32]| {
            layers.forward(buffers, pixels, logits)
        };
        blocks::fold(threads, (pixels, PIXELS), (logits, CLASSES), &mut self.buffers, forward, |(), ()| ());
    }
}

impl Layers {
    fn forward(&self, [x, hidden1, hidden2]: &mut Buffers, pixels: &[u8], logits: &mut [f32]) {
        let batch = pixels.len() / PIXELS;
        let [w1, w2, w3] = &self.weights;
        let x = space(x, pixels.len());
        let hidden1 = space(hidden1, batch * w1.outputs());
        let hidden2 = space(hidden2, batch * w2.outputs());
        lookup(w1.kernel(), &self.table, pixels, x);
        w1.forward(x, &self.biases[0], true, hidden1);
        w2.forward(hidden1, &self.biases[1], true, hidden2);
        w3.forward(hidden2, &self.biases[2], false, logits);
    }
}
