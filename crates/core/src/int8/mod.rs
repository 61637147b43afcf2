//! The quantized network, running on integers.

mod dequantized;
mod engine;
mod model;
mod trace;

pub use engine::Int8Engine;
pub(crate) use engine::quantize_reals;
pub use model::{Activations, QuantizedLinear, QuantizedMlp, Scheme};
pub use trace::{Step, Values};
