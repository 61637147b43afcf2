//! The float network as calibration and retraining run it: with the same bits on every kernel, natively and in wasm.
//!
//! Sums run in sixteen lanes in one order, and a product is rounded before it is added, so that no kernel's fused multiply-add shows
//! ([`Reproducible`]).

use digit8_kernels::train::{Layer, Reproducible, Rows};

use crate::Kernel;
use crate::digits::{PIXELS, normalized};
use crate::float::{Linear, Mlp, contiguous};

/// A layer.
pub(super) type RealLayer = Layer<Reproducible>;

/// The network packed for one kernel, with what its layers last put out.
pub(super) struct Reals {
    layers: [RealLayer; 3],
    table: [f32; 256],
    /// The normalised pixels, and the outputs of the three layers, behind ReLU where they were asked for so.
    outputs: [Rows; 4],
}

impl Reals {
    pub fn new(mlp: &Mlp, kernel: Kernel) -> Self {
        let layers = mlp.layers().each_ref().map(|linear| layer(linear, kernel));
        let [h1, h2] = mlp.hidden();
        let widths = [PIXELS, h1, h2, crate::digits::CLASSES];
        Self { layers, table: normalized(), outputs: widths.map(|width| Rows::zeros(0, width)) }
    }

    /// The outputs for `pixels` `[n, 784]`: `[n, 784]`, `[n, h1]`, `[n, h2]` and `[n, 10]`. Those of the hidden layers are behind
    /// ReLU with `relu`, else before it.
    pub fn run(&mut self, pixels: &[u8], relu: bool) -> &[Rows; 4] {
        self.outputs.iter_mut().for_each(|rows| rows.resize(pixels.len() / PIXELS));
        let [x, hidden1, hidden2, logits] = &mut self.outputs;
        pixels_as_reals(pixels, &self.table, x);
        let [layer1, layer2, layer3] = &self.layers;
        layer1.forward(x, true, hidden1);
        layer2.forward(hidden1, true, hidden2);
        layer3.forward(hidden2, false, logits);
        if !relu {
            // The second first: it needs what the first hands on.
            layer2.forward(hidden1, false, hidden2);
            layer1.forward(x, false, hidden1);
        }
        &self.outputs
    }
}

/// A layer, ready to run or to be trained.
pub(super) fn layer(linear: &Linear, kernel: Kernel) -> RealLayer {
    let weight = Rows::new(&contiguous(&linear.weight), linear.weight.ncols());
    Layer::new(kernel, weight, Rows::new(&linear.bias.to_vec(), linear.bias.len()))
}

/// `x[i] = table[pixels[i]]`, row by row.
pub(super) fn pixels_as_reals(pixels: &[u8], table: &[f32; 256], x: &mut Rows) {
    for (row, pixels) in pixels.chunks_exact(PIXELS).enumerate() {
        for (x, &pixel) in x.row_mut(row).iter_mut().zip(pixels) {
            *x = table[usize::from(pixel)];
        }
    }
}
