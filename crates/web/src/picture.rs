//! Images of digits as pictures that a canvas shows.

use digit8_core::digits::{PIXELS, SIDE};
use wasm_bindgen::Clamped;
use wasm_bindgen::prelude::*;
use web_sys::ImageData;

/// The picture of an image `[784]` as MNIST has it, white on black; all black without an image.
///
/// # Errors
/// If there are not 784 pixels.
#[wasm_bindgen]
pub fn picture(pixels: Option<Vec<u8>>) -> Result<ImageData, JsValue> {
    let pixels = pixels.unwrap_or_else(|| vec![0; PIXELS]);
    coloured(&pixels, |ink| [ink, ink, ink, 255])
}

/// The picture of an image `[784]` in ink of a colour, and nothing where no ink is. `colour` is red, green and blue.
///
/// # Errors
/// If there are not 784 pixels, or not three parts of a colour.
#[wasm_bindgen(js_name = inkPicture)]
pub fn ink_picture(pixels: &[u8], colour: &[u8]) -> Result<ImageData, JsValue> {
    let &[red, green, blue] = colour else {
        return Err(JsError::new(&format!("{} parts of a colour, expected 3", colour.len())).into());
    };
    coloured(pixels, |ink| [red, green, blue, ink])
}

fn coloured(pixels: &[u8], colour: impl Fn(u8) -> [u8; 4]) -> Result<ImageData, JsValue> {
    if pixels.len() != PIXELS {
        return Err(JsError::new(&format!("{} pixels, expected 784", pixels.len())).into());
    }
    let bytes: Vec<u8> = pixels.iter().flat_map(|&ink| colour(ink)).collect();
    ImageData::new_with_u8_clamped_array(Clamped(&bytes), SIDE as u32)
}
