//! What visitors bring.

use digit8_core::file::{Info, Model, write};
use digit8_core::picture;
use digit8_interchange::export::{Form, Input, Options, export};
use digit8_interchange::import::{Imported, Scaling, import};
use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

use super::refuse;
use crate::file::{self, Read};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** What became of a picture; see crates/core/src/picture.rs. */
export interface Picture { pixels: number[]; inverted: boolean; kept: boolean; ink: number[]; scale: number; moved: number[] }
"#;

/// A network that was brought, as the page takes it.
#[wasm_bindgen(getter_with_clone)]
pub struct Brought {
    /// `float32`, or the scheme of an int8 network.
    pub kind: String,
    /// The sizes of the hidden layers.
    pub hidden: Vec<usize>,
    /// Sentences on what was done to make it fit.
    pub notes: Vec<String>,
    /// The safetensors file of the float network, or of the one that an int8 network's integers stand for.
    pub float: Uint8Array,
    /// That of the int8 network, if it is one.
    pub int8: Option<Uint8Array>,
}

/// The network in a file that a visitor brought, safetensors or ONNX. `scaling` is what an ONNX network takes for its input where that
/// is `float`: `normalized`, `unit` (0 to 1) or `bytes` (0 to 255).
///
/// # Errors
/// If there is none in it.
#[wasm_bindgen(js_name = readNetwork)]
pub fn read_network(bytes: &[u8], scaling: &str) -> Result<Brought, JsError> {
    let scaling = match scaling {
        "unit" => Scaling::Unit,
        "bytes" => Scaling::Pixels,
        _ => Scaling::Normalized,
    };
    let (model, notes) = if is_onnx(bytes) {
        let Imported { model, notes } =
            import(bytes, scaling).map_err(|error| JsError::new(&error.to_string()))?;
        (model, notes)
    } else {
        let Read { model, notes, .. } = file::read(bytes).map_err(refuse)?;
        (model, notes)
    };
    let file =
        |model: &Model| write(model, &Info::new()).map(|bytes| Uint8Array::from(&bytes[..])).map_err(refuse);
    let (kind, hidden, float, int8) = match &model {
        Model::Float(mlp) => ("float32".to_owned(), mlp.hidden(), file(&model)?, None),
        Model::Int8(mlp) => {
            let float = Model::Float(mlp.dequantized().map_err(refuse)?);
            (mlp.scheme().to_string(), mlp.hidden(), file(&float)?, Some(file(&model)?))
        }
    };
    Ok(Brought { kind, hidden: hidden.to_vec(), notes, float, int8 })
}

/// Whether a file begins as ONNX files do: with the version of the format, as protocol buffers write it.
fn is_onnx(bytes: &[u8]) -> bool {
    matches!(bytes, [8, 1..=20, field, ..] if *field != 0)
}

/// The network in a safetensors file as an ONNX file: an int8 one with explicit operators, which give the same integers elsewhere.
///
/// # Errors
/// If it is no network.
#[wasm_bindgen(js_name = writeOnnx)]
pub fn write_onnx(bytes: &[u8]) -> Result<Vec<u8>, JsError> {
    let options = Options { form: Form::Exact, input: Input::Pixels, all_layers: false };
    Ok(export(&file::read(bytes).map_err(refuse)?.model, options, &Info::new()))
}

/// The float network of a safetensors file with one weight multiplied by `factor`, as a file again.
///
/// # Errors
/// If it is no float network.
#[wasm_bindgen(js_name = withOutlier)]
pub fn with_outlier(bytes: &[u8], factor: f32) -> Result<Vec<u8>, JsError> {
    match file::read(bytes).map_err(refuse)?.model {
        Model::Float(mlp) => {
            let mlp = mlp.with_outlier(factor).map_err(refuse)?;
            write(&Model::Float(mlp), &Info::new()).map_err(refuse)
        }
        Model::Int8(_) => Err(JsError::new("an int8 network, expected float32")),
    }
}

/// The image of a picture `[height, width, 4]`, and what was done to get it.
///
/// # Errors
/// If there is no ink on paper in it.
#[wasm_bindgen(js_name = readPicture, unchecked_return_type = "Picture")]
pub fn read_picture(colours: &[u8], width: usize, height: usize) -> Result<JsValue, JsError> {
    let picture = picture::Picture::read(colours, width, height).map_err(refuse)?;
    Ok(serde_wasm_bindgen::to_value(&picture)?)
}
