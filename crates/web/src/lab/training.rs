//! Training from nothing, as the notebook does.

use digit8_core::Kernel;
use digit8_core::digits::Digits;
use digit8_core::file::{Info, Model, write};
use digit8_core::float::{Mlp, Progress, Schedule, Settings, train};
use js_sys::Function;
use wasm_bindgen::prelude::*;

use super::refuse;

/// Batches between two pieces of news.
const OFTEN: usize = 100;

/// Trains 784-100-100-10 from random weights on digits `[n, 784]` with their labels `[n]`, with the notebook's settings (batches of
/// ten, Adam, a learning rate of 0.001), and returns its safetensors file. `progress` is told the share that is done and the mean
/// loss since it was told last.
///
/// # Errors
/// If there are not as many labels, or the weights do not stay finite.
#[wasm_bindgen(js_name = trainFromNothing)]
pub fn train_from_nothing(
    pixels: Vec<u8>,
    labels: Vec<u8>,
    epochs: usize,
    seed: u32,
    progress: &Function,
) -> Result<Vec<u8>, JsError> {
    let digits = Digits::new(pixels, labels).map_err(refuse)?;
    let settings = Settings {
        batch: 10,
        epochs,
        seed: seed.into(),
        learning_rate: 0.001,
        schedule: Schedule::Constant,
        smoothing: 0.0,
        weight_decay: 0.0,
        average: 0.0,
    };
    let mut losses = Losses::new(progress);
    let initial = Mlp::random([100, 100], settings.seed).map_err(refuse)?;
    let report = &mut |news| losses.hear(news);
    let mlp = train(&initial, Kernel::best(), &digits, &settings, None, report);
    write(&Model::Float(mlp.map_err(refuse)?), &Info::new()).map_err(refuse)
}

/// Tells JavaScript of the losses, a hundred steps at a time.
pub(super) struct Losses<'a> {
    progress: &'a Function,
    sum: f64,
    count: usize,
}

impl<'a> Losses<'a> {
    pub(super) fn new(progress: &'a Function) -> Self {
        Self { progress, sum: 0.0, count: 0 }
    }

    pub(super) fn hear(&mut self, Progress { step, steps, loss }: Progress) {
        self.sum += f64::from(loss);
        self.count += 1;
        if self.count == OFTEN || step == steps {
            let (done, mean) = (step as f64 / steps as f64, self.sum / self.count as f64);
            // Whoever listens may fail; training goes on.
            let _ = self.progress.call2(&JsValue::NULL, &done.into(), &mean.into());
            (self.sum, self.count) = (0.0, 0);
        }
    }
}
