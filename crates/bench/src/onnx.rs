//! The models as other people's engines get them: normalised pixels in, in the form that engines optimise.

use digit8_core::file::{Info, Model};
use digit8_interchange::export::{Form, Input, Options, export};

/// The bytes of an ONNX file with `model` in it.
pub fn qdq(model: &Model) -> Vec<u8> {
    let options = Options { form: Form::Qdq, input: Input::Normalized, all_layers: false };
    export(model, options, &Info::new())
}
