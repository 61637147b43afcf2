//! The laboratory for JavaScript: a module that the page loads when one of its views is opened.

mod files;
mod make;
mod networks;
mod pictures;
mod recipes;
mod training;
mod trial;

use digit8_core::Error;
use wasm_bindgen::JsError;

fn refuse(error: Error) -> JsError {
    JsError::new(&error.to_string())
}
