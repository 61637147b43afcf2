//! Explanations for JavaScript: a part of the module that the page loads on its own, after the first answers.

use digit8_core::compare::{Confusion, argmax, logits, softmax};
use digit8_core::digits::{CLASSES, PIXELS};
use digit8_core::explain::Hybrid;
use digit8_core::file::Model;
use digit8_core::float::Mlp;
use digit8_core::int8::QuantizedMlp;
use digit8_core::quant::{LayerWeights, Width, layer_weights, quantize_layer, recipe};
use digit8_core::{Error, Kernel};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use crate::file;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** How far one tensor is from another that it approximates: `sqnr` in decibels, infinite where they are equal. */
export interface Difference { sqnr: number; cosine: number; max: number }

/** A layer's outputs in the two networks, behind ReLU in the hidden layers. */
export interface LayerError { float: number[]; int8: number[]; error: Difference }

/** What a mixture of float and int8 layers answers, and how far that is from the float network's answer. */
export interface Answer {
  integers: [boolean, boolean, boolean];
  digit: number;
  logits: number[];
  logitDifference: number;
  probabilityDifference: number;
}

/** A tensor that is quantized, with the value of the greatest magnitude in it as an example. */
export interface Tensor {
  name: string;
  scale: number;
  zeroPoint: number;
  real: number;
  integer: number;
  back: number;
}

/** Two networks on one image; `answers[m]` has layer `i + 1` on integers where bit `i` of `m` is set. */
export interface Explanation { layers: LayerError[]; answers: Answer[]; tensors: Tensor[] }

/** A layer's weights before and after quantization, counted in equal ranges from `-limit` to `limit`. */
export interface LayerWeights {
  name: string;
  limit: number;
  before: number[];
  after: number[];
  levels: number;
  zeros: number;
  error: Difference;
}

/** The int8 network with weights of fewer bits. */
export interface Narrowed {
  bits: number;
  weightBytes: number;
  digits: number[];
  correct: number;
  probabilities?: number[];
  weights: LayerWeights[];
}
"#;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Narrowed {
    bits: u32,
    /// What the weights take, closely packed.
    weight_bytes: usize,
    /// What it reads each sample as.
    digits: Vec<usize>,
    /// How many of them are right.
    correct: u32,
    /// Its answer to the drawing, if there is one.
    probabilities: Option<[f64; CLASSES]>,
    weights: [LayerWeights; 3],
}

/// A float network and its int8 version, to be asked where they differ and why.
#[wasm_bindgen]
pub struct Explainer {
    float: Mlp,
    int8: QuantizedMlp,
    hybrid: Hybrid,
}

#[wasm_bindgen]
impl Explainer {
    /// The networks in two safetensors files.
    ///
    /// # Errors
    /// If one of the files is not such a network, or they do not fit together.
    #[wasm_bindgen(constructor)]
    pub fn new(float: &[u8], int8: &[u8]) -> Result<Explainer, JsError> {
        let read = |file| file::read(file).map_err(refuse);
        match (read(float)?, read(int8)?) {
            (Model::Float(float), Model::Int8(int8)) => {
                let hybrid = Hybrid::new(&float, &int8, Kernel::best()).map_err(refuse)?;
                Ok(Self { float, int8, hybrid })
            }
            _ => Err(JsError::new("expected a float32 and an int8 model, in this order")),
        }
    }

    /// Where the two differ on one image `[784]`, and which layer is to blame.
    ///
    /// # Errors
    /// If it is not one image.
    #[wasm_bindgen(unchecked_return_type = "Explanation")]
    pub fn explain(&self, pixels: &[u8]) -> Result<JsValue, JsError> {
        Ok(serde_wasm_bindgen::to_value(&self.hybrid.explain(pixels).map_err(refuse)?)?)
    }

    /// The int8 network with weights of `bits` bits, 2 to 8: what it makes of `samples` `[n, 784]` with their `labels`
    /// `[n]`, and of a drawing `[784]`.
    ///
    /// # Errors
    /// If there is no such width, or images and labels are not as many.
    #[wasm_bindgen(unchecked_return_type = "Narrowed")]
    pub fn narrow(
        &self,
        bits: u32,
        samples: &[u8],
        labels: &[u8],
        drawing: Option<Vec<u8>>,
    ) -> Result<JsValue, JsError> {
        let wrong = samples.len() != PIXELS * labels.len()
            || labels.iter().any(|&label| usize::from(label) >= CLASSES)
            || drawing.as_ref().is_some_and(|pixels| pixels.len() != PIXELS);
        if wrong {
            return Err(JsError::new(
                "expected 784 pixels and a digit for each sample, and 784 for the drawing",
            ));
        }
        let weights = recipe::Weights {
            bits: [Width::bits(bits).map_err(refuse)?; 3],
            granularity: self.int8.granularity(),
            ..Default::default()
        };
        let layer = |index: usize| {
            let linear = &self.float.layers()[index];
            quantize_layer(index, linear, &weights, recipe::Epsilon::default()).map_err(refuse)
        };
        let layers = [layer(0)?, layer(1)?, layer(2)?];
        let narrowed = QuantizedMlp::new(layers, *self.int8.activations()).map_err(refuse)?;
        let weights = layer_weights(&self.float, &narrowed);
        let weight_bytes = narrowed.weight_bytes();
        let model = Model::Int8(narrowed);
        let answers = |pixels: &[u8]| logits(&model, Kernel::best(), pixels);
        let of_samples = answers(samples);
        let of_drawing = drawing.map(|pixels| answers(&pixels));
        Ok(serde_wasm_bindgen::to_value(&Narrowed {
            bits,
            weight_bytes,
            digits: of_samples.chunks_exact(CLASSES).map(argmax).collect(),
            correct: Confusion::count(&of_samples, labels).correct(),
            probabilities: of_drawing.and_then(|logits| Some(softmax(logits.first_chunk()?))),
            weights,
        })?)
    }
}

fn refuse(error: Error) -> JsError {
    JsError::new(&error.to_string())
}
