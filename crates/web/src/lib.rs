//! digit8-core for JavaScript: thin wrappers, with no logic of their own.
//!
//! Pixels go in and logits come out through the module's memory: [`Classifier::pixels_address`] and
//! [`Classifier::logits_address`] say where, and nothing is allocated for an inference. A view on the memory is lost when the
//! memory grows, so JavaScript makes a new one when `memory.buffer` is another.

#[cfg(feature = "explain")]
mod explain;
mod file;
#[cfg(feature = "lab")]
mod lab;
mod picture;
mod timing;
#[cfg(feature = "trace")]
mod trace;

use std::sync::OnceLock;

use digit8_core::compare::softmax;
use digit8_core::digits::{CLASSES, PIXELS};
use digit8_core::file::Model;
use digit8_core::float::FloatEngine;
use digit8_core::int8::Int8Engine;
use digit8_core::stroke::{self, Point};
use digit8_core::{Error, Kernel};
use wasm_bindgen::prelude::*;

static PANIC: OnceLock<String> = OnceLock::new();

/// Keeps the text of a panic, which the engine itself reports as "unreachable" alone, and writes it to the console.
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|panic| {
        let _ = PANIC.set(panic.to_string());
        console_error_panic_hook::hook(panic);
    }));
}

/// The text of the panic that has stopped the module, if one has.
#[wasm_bindgen(js_name = panicMessage)]
pub fn panic_message() -> Option<String> {
    PANIC.get().cloned()
}

/// The names of the kernels in this module, plainest first.
#[wasm_bindgen]
pub fn kernels() -> Vec<String> {
    Kernel::available().into_iter().map(|kernel| kernel.name().to_owned()).collect()
}

/// The image `[784]` of a drawing, or nothing if nothing is drawn. `points` are x and y in turn, `lengths` the number of
/// points in each stroke; points beyond those counted are passed over. `pen` is the pen's width, 1 for a normal one.
#[wasm_bindgen]
pub fn rasterize(points: &[f32], lengths: &[usize], pen: f32) -> Option<Vec<u8>> {
    let mut points = points.as_chunks().0.iter().map(|&[x, y]| Point { x, y });
    let strokes: Vec<Vec<Point>> =
        lengths.iter().map(|&length| points.by_ref().take(length).collect()).collect();
    stroke::rasterize(&strokes, pen).map(Vec::from)
}

/// The probabilities `[10]` of logits `[10]`.
///
/// # Errors
/// If there are not ten.
#[wasm_bindgen]
pub fn probabilities(logits: &[f32]) -> Result<Vec<f64>, JsError> {
    let logits: &[f32; CLASSES] =
        logits.try_into().map_err(|_| JsError::new(&format!("{} logits, expected 10", logits.len())))?;
    Ok(softmax(logits).to_vec())
}

/// A model that is ready to answer, with the memory that it shares with JavaScript.
#[wasm_bindgen]
pub struct Classifier {
    engine: Engine,
    kind: String,
    hidden: [usize; 2],
    pixels: Vec<u8>,
    logits: Vec<f32>,
}

enum Engine {
    Float(Box<FloatEngine>),
    Int8(Box<Int8Engine>),
}

#[wasm_bindgen]
impl Classifier {
    /// The model in a safetensors file, for batches of up to `batch` images, on the kernel of a name or else the fastest.
    ///
    /// # Errors
    /// If the file is no model, or the module has no such kernel.
    #[wasm_bindgen(constructor)]
    pub fn new(file: &[u8], batch: usize, kernel: Option<String>) -> Result<Classifier, JsError> {
        let kernel = match kernel {
            Some(name) => Kernel::named(&name)
                .ok_or_else(|| JsError::new(&format!("no kernel \"{name}\" in this module")))?,
            None => Kernel::best(),
        };
        let model = file::read(file).map_err(|error: Error| JsError::new(&error.to_string()))?;
        let (engine, kind, hidden) = match &model {
            Model::Float(mlp) => {
                (Engine::Float(Box::new(mlp.engine(kernel))), "float32".to_owned(), mlp.hidden())
            }
            Model::Int8(mlp) => {
                (Engine::Int8(Box::new(mlp.engine(kernel))), mlp.scheme().to_string(), mlp.hidden())
            }
        };
        Ok(Self { engine, kind, hidden, pixels: vec![0; batch * PIXELS], logits: vec![0.0; batch * CLASSES] })
    }

    /// `float32`, or the scheme of an int8 model.
    #[wasm_bindgen(getter)]
    pub fn kind(&self) -> String {
        self.kind.clone()
    }

    /// The sizes of the hidden layers.
    #[wasm_bindgen(getter)]
    pub fn hidden(&self) -> Vec<usize> {
        self.hidden.to_vec()
    }

    /// Where the pixels `[batch, 784]` go, as an address in the module's memory.
    #[wasm_bindgen(getter, js_name = pixelsAddress)]
    pub fn pixels_address(&self) -> usize {
        self.pixels.as_ptr().addr()
    }

    /// Where the logits `[batch, 10]` are after [`run`](Self::run), as an address in the module's memory.
    #[wasm_bindgen(getter, js_name = logitsAddress)]
    pub fn logits_address(&self) -> usize {
        self.logits.as_ptr().addr()
    }

    /// Answers the first `count` images. Throws if there is no room for so many: to return a result would take longer than
    /// many an answer.
    pub fn run(&mut self, count: usize) {
        let room = self.logits.len() / CLASSES;
        if count > room {
            wasm_bindgen::throw_str(&format!("{count} images, but this classifier was made for {room}"));
        }
        self.engine.logits(&self.pixels[..count * PIXELS], &mut self.logits[..count * CLASSES]);
    }
}

impl Engine {
    fn logits(&mut self, pixels: &[u8], logits: &mut [f32]) {
        match self {
            Self::Float(engine) => engine.logits(pixels, logits),
            Self::Int8(engine) => engine.logits(pixels, logits),
        }
    }
}
