//! What a quantization does to numbers, to be drawn.

use digit8_core::Kernel;
use digit8_core::int8::Activations;
use digit8_core::quant::{LayerWeights, Range, WeightScale, layer_weights};
use digit8_core::spread::{Spread, spread};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::networks::Networks;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** A layer's weights before and after, counted in equal parts from `-limit` to `limit`, and what integers they can become. */
export interface Weights {
  name: string;
  limit: number;
  before: number[];
  after: number[];
  levels: number;
  zeros: number;
  error: Difference;
  scale: number;
  least: number;
  greatest: number;
  perChannel: boolean;
}

/** A tensor's values, counted in equal parts of their range. */
export interface Spread { seen: { min: number; max: number }; counts: number[] }

/** What becomes of weights and activations; `ranges` are what the integers of the input and of each layer's output cover, if they are
 * fixed. */
export interface Pictures { weights: Weights[]; spreads: Spread[]; ranges?: { min: number; max: number }[]; weightBytes: number }
"#;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pictures {
    weights: Vec<Weights>,
    spreads: [Spread; 4],
    #[serde(skip_serializing_if = "Option::is_none")]
    ranges: Option<[Range; 4]>,
    weight_bytes: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Weights {
    #[serde(flatten)]
    layer: LayerWeights,
    /// That of the matrix, or the greatest of its channels.
    scale: f32,
    least: i8,
    greatest: i8,
    per_channel: bool,
}

#[wasm_bindgen]
impl Networks {
    /// The weights before and after, and the activations that digits `[n, 784]` have in the float network; behind ReLU where it is
    /// fused. `greatest` is the integer that the greatest value of a range becomes.
    ///
    /// # Errors
    /// None but JavaScript's own.
    #[wasm_bindgen(unchecked_return_type = "Pictures")]
    pub fn pictures(&self, pixels: &[u8], greatest: u8) -> Result<JsValue, JsError> {
        let layers = layer_weights(&self.float, &self.int8).into_iter().zip(self.int8.layers());
        let weights = layers.map(|(layer, quantized)| {
            let (least, greatest) = quantized.width.ends();
            let (scale, per_channel) = match &quantized.weight_scale {
                WeightScale::PerTensor(scale) => (scale.get(), false),
                WeightScale::PerChannel(scales) => {
                    (scales.iter().map(|scale| scale.get()).fold(0.0, f32::max), true)
                }
            };
            Weights { layer, scale, least, greatest, per_channel }
        });
        let (fused, ranges) = match *self.int8.activations() {
            Activations::Static { fused, input, outputs: [linear1, linear2, linear3] } => {
                (fused, Some([input, linear1, linear2, linear3].map(|qparams| qparams.reach(greatest))))
            }
            Activations::Dynamic => (false, None),
        };
        let pictures = Pictures {
            weights: weights.collect(),
            spreads: spread(&self.float, Kernel::best(), pixels, fused),
            ranges,
            weight_bytes: self.int8.weight_bytes(),
        };
        Ok(pictures.serialize(&serde_wasm_bindgen::Serializer::new().serialize_maps_as_objects(true))?)
    }
}
