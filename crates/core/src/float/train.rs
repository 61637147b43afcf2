//! Training: mini-batches, cross-entropy, Adam. The same seed gives the same bits.

use ndarray::{Array1, Array2};

use crate::digits::{CLASSES, PIXELS};
use crate::float::batches::Plan;
use crate::float::source::Source;
use crate::float::trainer::Trainer;
use crate::float::{Linear, Mlp, check_shapes};
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
    /// How much weights shrink at each step, as a share of the learning rate: AdamW's decoupled weight decay (Loshchilov and Hutter
    /// 2019), without the biases. 0 for plain Adam.
    pub weight_decay: f32,
    /// How much of the weights' running average stays at each step, 0 for no average: the trained network is then not the last
    /// step's but the average (Polyak and Juditsky 1992; Izmailov et al. 2018).
    pub average: f32,
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

/// Trains `mlp` on the images of `source`, in the order of `order` (one list of image numbers a batch) or in a new random
/// order each epoch, and returns the trained network. Its bits depend on the kernel, not on the number of threads.
///
/// # Errors
/// [`Error::Mismatch`] if there is nothing to train on or `order` names an image that is not there; [`Error::Model`] if the
/// weights do not stay finite.
pub fn train(
    mlp: &Mlp,
    kernel: Kernel,
    source: &dyn Source,
    settings: &Settings,
    order: Option<&[Vec<usize>]>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Mlp> {
    let images = source.count();
    if images == 0 || settings.batch == 0 || settings.epochs == 0 {
        return Err(Error::Mismatch("nothing to train on: no images, or batches or epochs of 0".into()));
    }
    if let Some(wrong) = order.and_then(|order| order.iter().flatten().find(|&&index| index >= images)) {
        return Err(Error::Mismatch(format!("the order names image {wrong}, but there are {images}")));
    }
    let Settings { batch, epochs, seed, .. } = *settings;
    let plan = Plan { images, batch, epochs, seed, order };
    let steps = plan.per_epoch() * epochs;
    let mut trainer = Trainer::new(mlp, kernel, settings);
    let mut step = 0;
    plan.run(source, &mut |chunk| {
        for (pixels, targets) in chunk.batches() {
            let learning_rate = settings.learning_rate * settings.schedule.factor(step, steps);
            step += 1;
            let loss = trainer.step(pixels, targets, learning_rate);
            if !loss.is_finite() {
                return Err(Error::Model(format!(
                    "the loss of batch {step} is {loss}, expected a finite number: is the learning rate too high?"
                )));
            }
            progress(Progress { step, steps, loss });
        }
        Ok(())
    })?;
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
