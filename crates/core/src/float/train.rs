//! Training: mini-batches, cross-entropy, Adam. The same seed gives the same bits.

use digit8_kernels::train::{AdamStep, Layer, Rows};
use ndarray::{Array1, Array2, ArrayView1};

use crate::digits::{CLASSES, Digits, PIXELS, normalized};
use crate::float::loss::cross_entropy;
use crate::float::{Linear, Mlp, check_shapes, contiguous};
use crate::random::Random;
use crate::{Error, Kernel, Result};

/// How to train.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Images in a batch; a last, smaller batch of an epoch is trained on too.
    pub batch: usize,
    /// Times that every image is seen.
    pub epochs: usize,
    /// Where the order of the images and everything else random starts from.
    pub seed: u64,
    /// Adam's learning rate at the start.
    pub learning_rate: f32,
    /// What becomes of the learning rate.
    pub schedule: Schedule,
    /// The share of the target that is spread over all classes, 0 for plain cross-entropy.
    pub smoothing: f32,
}

/// What becomes of the learning rate over the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// It stays, as in the notebook.
    Constant,
    /// It falls to 0 along half a cosine.
    Cosine,
}

/// One step, as the progress callback hears of it.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Batches trained on so far, this one included.
    pub step: usize,
    /// Batches of the whole run.
    pub steps: usize,
    /// The mean loss of this batch.
    pub loss: f32,
}

/// Where batches get their images from.
pub trait Source {
    /// Writes the pixels of training image `index`, as it looks in epoch `epoch`, to `pixels` `[784]`.
    fn image(&self, epoch: usize, index: usize, pixels: &mut [u8]);
}

/// The images as they are.
impl Source for Digits {
    fn image(&self, _: usize, index: usize, pixels: &mut [u8]) {
        pixels.copy_from_slice(Digits::image(self, index));
    }
}

impl Mlp {
    /// A network with random weights: PyTorch's default for `Linear`, where weights and biases are even in
    /// `±1/√inputs`.
    ///
    /// # Errors
    /// [`Error::Model`] if a hidden layer is empty or too large.
    pub fn random(hidden: [usize; 2], seed: u64) -> Result<Self> {
        let [h1, h2] = hidden;
        // Before anything is allocated.
        check_shapes(&[((h1, PIXELS), h1), ((h2, h1), h2), ((CLASSES, h2), CLASSES)])?;
        let mut random = Random::new(seed);
        let mut linear = |inputs: usize, outputs: usize| {
            let bound = 1.0 / (inputs as f32).sqrt();
            Linear {
                weight: Array2::from_shape_simple_fn((outputs, inputs), || random.uniform(-bound, bound)),
                bias: Array1::from_shape_simple_fn(outputs, || random.uniform(-bound, bound)),
            }
        };
        Self::new([linear(PIXELS, hidden[0]), linear(hidden[0], hidden[1]), linear(hidden[1], CLASSES)])
    }
}

/// Trains `mlp` on `labels.len()` images of `source`, in the order of `order` (one list of image numbers a batch) or in a
/// new random order each epoch, and returns the trained network.
///
/// # Errors
/// [`Error::Mismatch`] if there is nothing to train on or `order` names an image that is not there; [`Error::Model`] if the
/// weights do not stay finite.
pub fn train(
    mlp: &Mlp,
    kernel: Kernel,
    source: &dyn Source,
    labels: &[u8],
    settings: &Settings,
    order: Option<&[Vec<usize>]>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Mlp> {
    if labels.is_empty() || settings.batch == 0 || settings.epochs == 0 {
        return Err(Error::Mismatch("nothing to train on: no images, or batches or epochs of 0".into()));
    }
    if let Some(wrong) = order.and_then(|order| order.iter().flatten().find(|&&index| index >= labels.len()))
    {
        return Err(Error::Mismatch(format!(
            "the order names image {wrong}, but there are {}",
            labels.len()
        )));
    }
    let per_epoch = order.map_or(labels.len().div_ceil(settings.batch), <[_]>::len);
    let steps = per_epoch * settings.epochs;
    let mut trainer = Trainer::new(mlp, kernel);
    let mut random = Random::new(settings.seed);
    let mut shuffled: Vec<usize> = (0..labels.len()).collect();
    let mut step = 0;
    for epoch in 0..settings.epochs {
        let batches: Box<dyn Iterator<Item = &[usize]>> = match order {
            Some(order) => Box::new(order.iter().map(Vec::as_slice)),
            None => {
                random.shuffle(&mut shuffled);
                Box::new(shuffled.chunks(settings.batch))
            }
        };
        for batch in batches {
            let learning_rate = settings.learning_rate * settings.schedule.factor(step, steps);
            step += 1;
            let loss = trainer.step(source, epoch, labels, batch, learning_rate, settings.smoothing);
            if !loss.is_finite() {
                return Err(Error::Model(format!(
                    "the loss of batch {step} is {loss}, expected a finite number: is the learning rate too high?"
                )));
            }
            progress(Progress { step, steps, loss });
        }
    }
    trainer.mlp(mlp)
}

impl Schedule {
    fn factor(self, step: usize, steps: usize) -> f32 {
        match self {
            Schedule::Constant => 1.0,
            Schedule::Cosine => {
                let done = step as f64 / steps as f64;
                (0.5 + 0.5 * (std::f64::consts::PI * done).cos()) as f32
            }
        }
    }
}

/// Adam's constants, PyTorch's defaults.
const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f32 = 1e-8;

struct Trainer {
    layers: [Layer; 3],
    steps: i32,
    table: [f32; 256],
    pixels: [u8; PIXELS],
    labels: Vec<u8>,
    /// The input and the outputs of the three layers.
    activations: [Rows; 4],
    /// The gradients of the outputs of the three layers.
    gradients: [Rows; 3],
}

impl Trainer {
    fn new(mlp: &Mlp, kernel: Kernel) -> Self {
        let layers = mlp.layers().each_ref().map(|linear| {
            let weight = Rows::new(&contiguous(&linear.weight), linear.weight.ncols());
            Layer::new(kernel, weight, Rows::new(&linear.bias.to_vec(), linear.bias.len()))
        });
        let widths = layers.each_ref().map(|layer| layer.bias().width());
        Self {
            activations: [PIXELS, widths[0], widths[1], widths[2]].map(|width| Rows::zeros(0, width)),
            gradients: widths.map(|width| Rows::zeros(0, width)),
            layers,
            steps: 0,
            table: normalized(),
            pixels: [0; PIXELS],
            labels: Vec::new(),
        }
    }

    fn step(
        &mut self,
        source: &dyn Source,
        epoch: usize,
        labels: &[u8],
        batch: &[usize],
        learning_rate: f32,
        smoothing: f32,
    ) -> f32 {
        for rows in self.activations.iter_mut().chain(&mut self.gradients) {
            rows.resize(batch.len());
        }
        let [x0, x1, x2, logits] = &mut self.activations;
        let [dy1, dy2, dy3] = &mut self.gradients;
        self.labels.clear();
        for (row, &index) in batch.iter().enumerate() {
            source.image(epoch, index, &mut self.pixels);
            self.labels.push(labels[index]);
            for (x, &pixel) in x0.row_mut(row).iter_mut().zip(&self.pixels) {
                *x = self.table[usize::from(pixel)];
            }
        }

        let [layer1, layer2, layer3] = &mut self.layers;
        layer1.forward(x0, true, x1);
        layer2.forward(x1, true, x2);
        layer3.forward(x2, false, logits);
        let loss = cross_entropy(logits, &self.labels, smoothing, dy3);
        layer3.backward(dy3, x2, dy2);
        layer2.backward(dy2, x1, dy1);

        self.steps += 1;
        let adam = adam_step(f64::from(learning_rate), self.steps);
        layer1.step(x0, dy1, adam);
        layer2.step(x1, dy2, adam);
        layer3.step(x2, dy3, adam);
        loss
    }

    fn mlp(&self, like: &Mlp) -> Result<Mlp> {
        let mut layers = like.layers().clone();
        for (linear, layer) in layers.iter_mut().zip(&self.layers) {
            for (index, mut row) in linear.weight.rows_mut().into_iter().enumerate() {
                row.assign(&ArrayView1::from(layer.weight().row(index)));
            }
            linear.bias.assign(&ArrayView1::from(layer.bias().row(0)));
        }
        Mlp::new(layers)
    }
}

/// Step `t` of Adam (Kingma and Ba, 2015), arranged as PyTorch arranges it.
fn adam_step(learning_rate: f64, t: i32) -> AdamStep {
    AdamStep {
        one_minus_beta1: (1.0 - BETA1) as f32,
        beta2: BETA2 as f32,
        one_minus_beta2: (1.0 - BETA2) as f32,
        step_size: (learning_rate / (1.0 - BETA1.powi(t))) as f32,
        inverse_root: (1.0 / (1.0 - BETA2.powi(t)).sqrt()) as f32,
        epsilon: EPSILON,
    }
}
