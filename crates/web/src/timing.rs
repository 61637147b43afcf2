//! Times, measured in one place for the page and its workers.

use std::hint::black_box;

use digit8_core::digits::{CLASSES, PIXELS};
use js_sys::Reflect;
use wasm_bindgen::prelude::*;
use web_sys::Performance;

use crate::Classifier;

/// The clock that pages and workers have.
fn clock() -> Result<Performance, JsError> {
    let found = Reflect::get(&js_sys::global(), &"performance".into()).ok();
    let clock = found.and_then(|found| found.dyn_into().ok());
    clock.ok_or_else(|| JsError::new("this browser has no performance.now, which times are measured with"))
}

/// Finds the step of the browser's clock, which many make a coarse one for their visitors' privacy.
#[wasm_bindgen]
pub struct ClockStep {
    clock: Performance,
    last: f64,
    /// The smallest difference of two readings, and how many differed.
    least: f64,
    changes: u32,
}

#[wasm_bindgen]
impl ClockStep {
    /// Nothing is known yet.
    ///
    /// # Errors
    /// If the browser has no clock.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Result<ClockStep, JsError> {
        let clock = clock()?;
        Ok(Self { last: clock.now(), clock, least: f64::INFINITY, changes: 0 })
    }

    /// Reads the clock so often, and returns how many readings since the beginning differed from the one before. The number of
    /// readings is what limits the time: the clock itself may stand still for long.
    pub fn watch(&mut self, readings: u32) -> u32 {
        for _ in 0..readings {
            let now = self.clock.now();
            if now > self.last {
                self.least = self.least.min(now - self.last);
                self.changes += 1;
                self.last = now;
            }
        }
        self.changes
    }

    /// The smallest step seen, in milliseconds; infinite before there was one.
    #[wasm_bindgen(getter)]
    pub fn least(&self) -> f64 {
        self.least
    }
}

#[wasm_bindgen]
impl Classifier {
    /// Milliseconds that `calls` calls take, each with the next `batch` of `images` `[n, 784]`; from the first again after the
    /// last.
    ///
    /// # Errors
    /// If there is no clock, no batch in the images, or no room for one.
    pub fn time(&mut self, images: &[u8], batch: usize, calls: usize) -> Result<f64, JsError> {
        let room = self.logits.len() / CLASSES;
        let batches = images.len() / PIXELS / batch.max(1);
        if batch == 0 || batch > room || batches == 0 {
            let count = images.len() / PIXELS;
            return Err(JsError::new(&format!(
                "cannot take batches of {batch} from {count} images, with room for {room}"
            )));
        }
        let clock = clock()?;
        let logits = &mut self.logits[..batch * CLASSES];
        let inputs = images.chunks_exact(batch * PIXELS).take(batches).cycle().take(calls);
        let start = clock.now();
        for input in inputs {
            self.engine.logits(black_box(input), logits);
        }
        Ok(clock.now() - start)
    }
}
