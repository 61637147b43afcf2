//! Networks made by recipes.

use digit8_core::Kernel;
use digit8_core::digits::Digits;
use digit8_core::file::{Info, Model, write};
use digit8_core::int8::QuantizedMlp;
use digit8_core::quant::recipe::Set;
use digit8_core::quant::{Progress, Ranges, activations, make};
use js_sys::{Function, Uint8Array};
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::{recipes, refuse};
use crate::file;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** The digits that a recipe asks for; where no number is given, all of them. */
export interface Needs {
  calibrates: boolean;
  calibration: { set: 'train' | 'test'; digits?: number };
  retrains: boolean;
  training: { digits?: number };
}
"#;

#[derive(Serialize)]
struct Needs {
    calibrates: bool,
    calibration: Part,
    retrains: bool,
    training: Part,
}

#[derive(Serialize)]
struct Part {
    set: Set,
    #[serde(skip_serializing_if = "Option::is_none")]
    digits: Option<usize>,
}

/// The digits that a recipe asks for.
///
/// # Errors
/// If it is no recipe.
#[wasm_bindgen(js_name = recipeNeeds, unchecked_return_type = "Needs")]
pub fn recipe_needs(recipe: &str) -> Result<JsValue, JsError> {
    let recipe = recipes::read(recipe)?;
    Ok(serde_wasm_bindgen::to_value(&Needs {
        calibrates: recipe.calibrates(),
        calibration: Part { set: recipe.calibration.set, digits: recipe.calibration.digits },
        retrains: recipe.retraining.epochs > 0,
        training: Part { set: Set::Train, digits: recipe.retraining.digits },
    })?)
}

/// A network that was made.
#[wasm_bindgen(getter_with_clone)]
pub struct Product {
    /// Its safetensors file.
    pub file: Uint8Array,
    /// The bytes that its weights take, packed.
    #[wasm_bindgen(js_name = weightBytes)]
    pub weight_bytes: usize,
}

/// Digits to calibrate and to train with, kept from one network to the next.
#[wasm_bindgen]
#[derive(Default)]
pub struct Workshop {
    calibration: Digits,
    training: Digits,
}

#[wasm_bindgen]
impl Workshop {
    /// One without digits.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Workshop {
        Self::default()
    }

    /// The digits that calibrate from now on, `[n, 784]`.
    ///
    /// # Errors
    /// If there are not as many labels `[n]`.
    #[wasm_bindgen(js_name = calibrateWith)]
    pub fn calibrate_with(&mut self, pixels: Vec<u8>, labels: Vec<u8>) -> Result<(), JsError> {
        self.calibration = Digits::new(pixels, labels).map_err(refuse)?;
        Ok(())
    }

    /// The digits that train from now on, `[n, 784]`.
    ///
    /// # Errors
    /// If there are not as many labels `[n]`.
    #[wasm_bindgen(js_name = trainWith)]
    pub fn train_with(&mut self, pixels: Vec<u8>, labels: Vec<u8>) -> Result<(), JsError> {
        self.training = Digits::new(pixels, labels).map_err(refuse)?;
        Ok(())
    }

    /// Makes the float network of a safetensors file into one on integers, by a recipe and, if they are not empty, with these ranges of
    /// activations. `progress` is told the stage, the share of it that is done and, in retraining, the loss; if it returns a function,
    /// that is given the file of the network as it is.
    ///
    /// # Errors
    /// If there is no such network, recipe or range, or the digits do not suffice.
    pub fn make(
        &self,
        float: &[u8],
        recipe: &str,
        ranges: &str,
        progress: &Function,
    ) -> Result<Product, JsError> {
        let Model::Float(mlp) = file::read(float).map_err(refuse)? else {
            return Err(JsError::new("an int8 network, expected float32"));
        };
        let text = recipe;
        let recipe = recipes::read(recipe)?;
        let mut report = |Progress { stage, done, loss, network }: Progress| {
            let stage = serde_wasm_bindgen::to_value(&stage).unwrap_or_default();
            let loss = loss.map_or(JsValue::UNDEFINED, JsValue::from);
            // Whoever listens may fail; making goes on.
            let heard = progress.call3(&JsValue::NULL, &stage, &done.into(), &loss);
            if let (Ok(heard), Some(network)) = (heard, network)
                && let Some(look) = heard.dyn_ref::<Function>()
                && let Ok(file) = network().and_then(|int8| write(&Model::Int8(int8), &Info::new()))
            {
                let _ = look.call1(&JsValue::NULL, &Uint8Array::from(&file[..]));
            }
            true
        };
        let (calibration, training) = (self.calibration.images(), &self.training);
        let made = make(&mlp, &recipe, calibration, training, Kernel::best(), &mut report).map_err(refuse)?;
        let int8 = if ranges.is_empty() {
            made.int8
        } else {
            let Ranges(seen) = ranges.parse().map_err(refuse)?;
            let activations = activations(&recipe, Some(&seen)).map_err(refuse)?;
            QuantizedMlp::new(made.int8.layers().clone(), activations).map_err(refuse)?
        };
        let weight_bytes = int8.weight_bytes();
        let info = Info::from([("recipe".to_owned(), text.to_owned())]);
        let file = write(&Model::Int8(int8), &info).map_err(refuse)?;
        Ok(Product { file: Uint8Array::from(&file[..]), weight_bytes })
    }
}
