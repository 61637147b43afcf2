//! Post-training int8 quantization of a small digit classifier, bit for bit as PyTorch does it.
//!
//! The rooms follow a digit's way through the program:
//!
//! - [`idx`] reads MNIST's files into [`digits`]; [`stroke`] turns pen strokes into the same kind of image;
//! - [`float`] is the float32 network 784-h1-h2-10 and how it is trained;
//! - [`quant`] finds scales and zero points and converts the float network;
//! - [`int8`] is the quantized network, running on integers;
//! - [`compare`] holds two models' answers against each other; [`explain`] finds the layer that makes them differ, [`sensitivity`] what
//!   each costs over many digits;
//! - [`file`](mod@file) keeps models as safetensors, under PyTorch's names.
//!
//! Why the integers are what they are, from first principles, is told in [`arithmetic`]; comments that cite a rule by its number
//! mean the rules listed there. Who chooses the scales and integers, and how, is told in [`methods`].
//!
//! Nothing here does I/O: bytes come in, bytes go out.
#![forbid(unsafe_code)]

#[doc = include_str!("arithmetic.md")]
pub mod arithmetic {}
pub mod augment;
mod blocks;
pub mod compare;
pub mod digits;
pub mod drawn;
mod error;
pub mod explain;
pub mod file;
pub mod float;
pub mod idx;
pub mod int8;
#[doc = include_str!("methods.md")]
pub mod methods {}
pub mod quant;
pub mod random;
pub mod sensitivity;
pub mod stroke;

pub use digit8_kernels::Kernel;
pub use error::Error;

/// The result of everything that can fail on what a user brought.
pub type Result<T> = std::result::Result<T, Error>;
