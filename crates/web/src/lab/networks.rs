//! A float network and its int8 version, to be taken apart.

use digit8_core::Kernel;
use digit8_core::explain::Hybrid;
use digit8_core::file::Model;
use digit8_core::float::Mlp;
use digit8_core::int8::QuantizedMlp;
use digit8_core::neuron::Dissection;
use digit8_core::walk;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::refuse;
use crate::file;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** How far one tensor is from another that it approximates: `sqnr` in decibels, infinite where they are equal. */
export interface Difference { sqnr: number; cosine: number; max: number }

/** One neuron, taken apart; see crates/core/src/neuron.rs, which says what each number is. */
export interface Neuron {
  layer: number;
  index: number;
  x: number[];
  w: number[];
  order: number[];
  inputScale: number;
  inputZeroPoint: number;
  weightScale: number;
  perChannel: boolean;
  products: number;
  weightSum: number;
  correction: number;
  accumulator: number;
  step: number;
  bias: number;
  output: Requantized | Dequantized;
  float: { x: number[]; w: number[]; products: number; bias: number; sum: number; real: number };
}
export interface Requantized {
  kind: 'requantized';
  biasSteps: number;
  total: number;
  multiplier: number;
  scaled: number;
  rounded: number;
  zeroPoint: number;
  scale: number;
  shifted: number;
  clamped: number;
  greatest: number;
  integer: number;
  real: number;
  textbook?: { bias: number; sum: number; multiplier: number; shift: number; rounded: number; integer: number };
}
export interface Dequantized {
  kind: 'dequantized';
  sum: number;
  real: number;
  next?: { integer: number; scale: number; zeroPoint: number };
}

/** What a mixture of float and int8 layers answers; the `m`-th has layer `i + 1` on integers where bit `i` of `m` is set. */
export interface Answer { integers: boolean[]; digit: number; logits: number[]; logitDifference: number; probabilityDifference: number }

/** A tensor on an image's way; see crates/core/src/walk.rs. */
export interface Stop {
  name: 'input' | 'linear1' | 'linear2' | 'linear3';
  integers?: { scale: number; zeroPoint: number; range: { min: number; max: number }; values: number[]; clipped: number };
  int8: number[];
  float: number[];
  seen: { min: number; max: number };
  error: Difference;
}
"#;

/// A float network and its int8 version.
#[wasm_bindgen]
pub struct Networks {
    pub(super) float: Mlp,
    pub(super) int8: QuantizedMlp,
}

#[derive(Serialize)]
struct Neurons {
    sizes: [usize; 3],
    layers: Vec<Vec<f32>>,
}

#[wasm_bindgen]
impl Networks {
    /// The networks in two safetensors files.
    ///
    /// # Errors
    /// If one of the files is not such a network, or they do not fit together.
    #[wasm_bindgen(constructor)]
    pub fn new(float: &[u8], int8: &[u8]) -> Result<Networks, JsError> {
        let read = |file| file::read(file).map_err(refuse);
        match (read(float)?, read(int8)?) {
            (Model::Float(float), Model::Int8(int8)) => Ok(Self { float, int8 }),
            _ => Err(JsError::new("expected a float32 and an int8 model, in this order")),
        }
    }

    /// Neuron `index` (from 0) of a layer (1 to 3) on one image `[784]`.
    ///
    /// # Errors
    /// If there is no such neuron, or it is not one image.
    #[wasm_bindgen(unchecked_return_type = "Neuron")]
    pub fn neuron(&self, layer: usize, index: usize, pixels: &[u8]) -> Result<JsValue, JsError> {
        let dissection = self.dissect(pixels)?;
        Ok(serde_wasm_bindgen::to_value(&dissection.neuron(layer, index).map_err(refuse)?)?)
    }

    /// What all neurons of the int8 network hand on for one image `[784]`, layer by layer.
    ///
    /// # Errors
    /// If it is not one image.
    #[wasm_bindgen(unchecked_return_type = "{ sizes: number[], layers: number[][] }")]
    pub fn neurons(&self, pixels: &[u8]) -> Result<JsValue, JsError> {
        let dissection = self.dissect(pixels)?;
        let layers =
            (1..=3).map(|layer| dissection.outputs(layer)).collect::<Result<_, _>>().map_err(refuse)?;
        Ok(serde_wasm_bindgen::to_value(&Neurons { sizes: dissection.sizes(), layers })?)
    }

    /// Every tensor on the way of one image `[784]`.
    ///
    /// # Errors
    /// If it is not one image.
    #[wasm_bindgen(unchecked_return_type = "Stop[]")]
    pub fn walk(&self, pixels: &[u8]) -> Result<JsValue, JsError> {
        let stops = walk::walk(&self.float, &self.int8, Kernel::best(), pixels).map_err(refuse)?;
        Ok(serde_wasm_bindgen::to_value(&stops)?)
    }

    /// The answers of all eight mixtures of float and int8 layers to one image `[784]`.
    ///
    /// # Errors
    /// If it is not one image.
    #[wasm_bindgen(unchecked_return_type = "Answer[]")]
    pub fn answers(&self, pixels: &[u8]) -> Result<JsValue, JsError> {
        let hybrid = Hybrid::new(&self.float, &self.int8, Kernel::best()).map_err(refuse)?;
        Ok(serde_wasm_bindgen::to_value(&hybrid.explain(pixels).map_err(refuse)?.answers)?)
    }

    fn dissect(&self, pixels: &[u8]) -> Result<Dissection<'_>, JsError> {
        Dissection::new(&self.float, &self.int8, Kernel::best(), pixels).map_err(refuse)
    }
}
