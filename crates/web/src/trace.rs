//! Every step of an int8 network, to compare with PyTorch's. The page's module does without (the feature `trace`).

use digit8_core::digits::Digits;
use digit8_core::file::{Info, Model, write};
use digit8_core::int8::Values;
use digit8_core::quant::{self, Calibration, Granularity, Observations, Range};
use digit8_core::{Error, Kernel};
use wasm_bindgen::prelude::*;

use crate::file;

/// The file of the int8 network that a float32 model becomes. `ranges` are what PyTorch's observers saw: the least and the
/// greatest value of `quant`, `linear1`, `linear2` and `linear3`; a dynamic network needs none.
///
/// # Errors
/// If the file is no float32 model, there is no such scheme, or the ranges are not eight or not usable.
#[wasm_bindgen]
pub fn quantize(file: &[u8], scheme: &str, per_channel: bool, ranges: &[f32]) -> Result<Vec<u8>, JsError> {
    let Model::Float(mlp) = read(file)? else { return Err(JsError::new("int8 already, expected float32")) };
    let seen = || match *ranges.as_chunks().0 {
        [quant, linear1, linear2, linear3] => {
            let range = |[min, max]: [f32; 2]| Range { min, max };
            let [quant, linear1, linear2, linear3] = [quant, linear1, linear2, linear3].map(range);
            Ok(Observations { quant, linear1, linear2, linear3 })
        }
        _ => Err(JsError::new(&format!("{} ends of ranges, expected 8", ranges.len()))),
    };
    let calibration = Calibration::of(scheme.parse().map_err(error)?, seen)?;
    let granularity = if per_channel { Granularity::PerChannel } else { Granularity::PerTensor };
    let int8 = quant::quantize(&mlp, calibration, granularity).map_err(error)?;
    write(&Model::Int8(int8), &Info::new()).map_err(error)
}

/// The file of the int8 network that a float32 model becomes by a recipe in one line, with `pixels` `[n, 784]` and their `labels` `[n]` to
/// calibrate and retrain with.
///
/// # Errors
/// If the file is no float32 model, the text no recipe, the module has no such kernel, or the digits are not usable.
#[wasm_bindgen]
pub fn make(
    file: &[u8],
    recipe: &str,
    kernel: &str,
    pixels: &[u8],
    labels: &[u8],
) -> Result<Vec<u8>, JsError> {
    let Model::Float(mlp) = read(file)? else { return Err(JsError::new("int8 already, expected float32")) };
    let kernel =
        Kernel::named(kernel).ok_or_else(|| JsError::new(&format!("no kernel {kernel:?} in this module")))?;
    let digits = Digits::new(pixels.to_vec(), labels.to_vec()).map_err(error)?;
    let recipe = recipe.parse().map_err(error)?;
    let made = quant::make(&mlp, &recipe, pixels, &digits, kernel, &mut |_| true).map_err(error)?;
    write(&Model::Int8(made.int8), &Info::new()).map_err(error)
}

/// What a step put out.
#[wasm_bindgen(getter_with_clone)]
pub struct Step {
    /// PyTorch's name of the module.
    pub name: String,
    /// The values row by row: integers of one byte, or little-endian `f32`.
    pub bytes: Vec<u8>,
}

/// Every step of an int8 network for `pixels` `[n, 784]`; a dynamic network quantizes them as one tensor.
///
/// # Errors
/// If the file is no int8 model, the module has no such kernel, or there is a part of an image.
#[wasm_bindgen]
pub fn trace(file: &[u8], kernel: &str, pixels: &[u8]) -> Result<Vec<Step>, JsError> {
    let Model::Int8(mlp) = read(file)? else { return Err(JsError::new("float32, expected an int8 model")) };
    let kernel =
        Kernel::named(kernel).ok_or_else(|| JsError::new(&format!("no kernel {kernel:?} in this module")))?;
    if !pixels.len().is_multiple_of(digit8_core::digits::PIXELS) {
        return Err(JsError::new(&format!("{} pixels, expected 784 an image", pixels.len())));
    }
    let bytes = |values| match values {
        Values::Quantized(integers, _) => integers.into_iter().collect(),
        Values::Real(reals) => reals.into_iter().flat_map(f32::to_le_bytes).collect(),
    };
    let steps = mlp.trace(kernel, pixels).into_iter();
    Ok(steps.map(|step| Step { name: step.name.to_owned(), bytes: bytes(step.values) }).collect())
}

fn read(file: &[u8]) -> Result<Model, JsError> {
    file::read(file).map_err(error)
}

fn error(error: Error) -> JsError {
    JsError::new(&error.to_string())
}
