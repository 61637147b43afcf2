//! Two networks on many labelled digits.

use digit8_core::Kernel;
use digit8_core::compare::{Confusion, logits};
use digit8_core::digits::Digits;
use digit8_core::explain::Hybrid;
use digit8_core::file::Model;
use digit8_core::walk::Mixtures;
use wasm_bindgen::prelude::*;

use super::networks::Networks;
use super::refuse;
use crate::file;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** A digit that one of the networks reads wrongly; `margin` says by how much, the least of them first. */
export interface Case { index: number; label: number; float: number; int8: number; margin: number }

/** How often each true digit (row) was read as each digit (column), and how often it got no answer. */
export interface Confusion { counts: number[][]; unanswered: number[] }

/** What both networks took for what, and every digit worth a look. */
export interface Verdicts { float: Confusion; int8: Confusion; cases: Case[] }

/** What the mixtures of layers read right; `correct[m]` has layer `i + 1` on integers where bit `i` of `m` is set. */
export interface Mixtures { total: number; correct: number[] }
"#;

/// Two networks on trial.
#[wasm_bindgen]
pub struct Trial {
    float: Model,
    int8: Model,
    trial: digit8_core::trial::Trial,
}

#[wasm_bindgen]
impl Trial {
    /// Of these networks.
    #[wasm_bindgen(constructor)]
    pub fn new(networks: &Networks) -> Trial {
        let (float, int8) = (networks.float.clone(), networks.int8.clone());
        Self { float: Model::Float(float), int8: Model::Int8(int8), trial: Default::default() }
    }

    /// Reads digits `[n, 784]`, the next after those before, each by itself.
    ///
    /// # Errors
    /// If there are not as many labels `[n]`.
    pub fn add(&mut self, pixels: &[u8], labels: &[u8]) -> Result<(), JsError> {
        let [float, int8] = [&self.float, &self.int8].map(|model| logits(model, Kernel::best(), pixels));
        self.trial.add(&float, &int8, labels).map_err(refuse)
    }

    /// What became of them.
    ///
    /// # Errors
    /// None but JavaScript's own.
    #[wasm_bindgen(unchecked_return_type = "Verdicts")]
    pub fn verdicts(&mut self) -> Result<JsValue, JsError> {
        self.trial.sort();
        Ok(serde_wasm_bindgen::to_value(&self.trial)?)
    }
}

/// All mixtures of two networks on trial.
#[wasm_bindgen]
pub struct Mixer {
    hybrid: Hybrid,
    mixtures: Mixtures,
}

#[wasm_bindgen]
impl Mixer {
    /// Of these networks.
    ///
    /// # Errors
    /// If they do not fit together.
    #[wasm_bindgen(constructor)]
    pub fn new(networks: &Networks) -> Result<Mixer, JsError> {
        let hybrid = Hybrid::new(&networks.float, &networks.int8, Kernel::best()).map_err(refuse)?;
        Ok(Self { hybrid, mixtures: Mixtures::default() })
    }

    /// Reads digits `[n, 784]`, the next after those before, with every mixture.
    ///
    /// # Errors
    /// If there are not as many labels `[n]`.
    pub fn add(&mut self, pixels: &[u8], labels: &[u8]) -> Result<(), JsError> {
        self.mixtures.add(&self.hybrid, pixels, labels).map_err(refuse)
    }

    /// What became of them.
    ///
    /// # Errors
    /// None but JavaScript's own.
    #[wasm_bindgen(unchecked_return_type = "Mixtures")]
    pub fn mixtures(&self) -> Result<JsValue, JsError> {
        Ok(serde_wasm_bindgen::to_value(&self.mixtures)?)
    }
}

/// The share of digits `[n, 784]` that the network in a safetensors file reads as what their labels `[n]` say, 0 to 1.
///
/// # Errors
/// If there is no network in the file, or there are not as many labels.
#[wasm_bindgen(js_name = shareRight)]
pub fn share_right(file: &[u8], pixels: &[u8], labels: &[u8]) -> Result<f64, JsError> {
    let model = file::read(file).map_err(refuse)?.model;
    let digits = Digits::new(pixels.to_vec(), labels.to_vec()).map_err(refuse)?;
    let logits = logits(&model, Kernel::best(), digits.images());
    Ok(Confusion::count(&logits, digits.labels()).accuracy())
}
