//! digit8's networks as ONNX files, and ONNX files as digit8's networks.
//!
//! - [`export`](export::export) writes a network, float or int8: in the form `exact`, whose operators give digit8's own integers
//!   in every layer, or in the form `qdq`, which other tools expect.
//! - [`import`](import::import) reads the networks that PyTorch, Keras and scikit-learn write, and QDQ networks.
//! - [`compare`](compare::compare) finds where two networks of any kind differ, and which known cause accounts for it.
//! - [`evaluate`] runs a graph by the standard's definitions, slowly.
//!
//! May import `digit8-core`; does no I/O.
#![forbid(unsafe_code)]

pub mod compare;
mod error;
pub mod evaluate;
pub mod export;
pub mod import;
pub mod proto;
pub mod tensor;

pub use error::{Error, Result};
