//! Post-training int8 quantization of a small digit classifier, bit for bit as PyTorch does it.
//!
//! ```
//! use digit8_core::{Kernel, Result, compare::logits, digits::Digits, file::Model, float::Mlp, quant::make};
//! # fn main() -> Result<()> {
//! let float = Mlp::random([100, 100], 0)?; // or what `file::read` makes of a safetensors file
//! let digits = Digits::new((0..20 * 784).map(|at| at as u8).collect(), vec![7; 20])?;
//! let recipe = "scheme=fused/weight-bits=4,8,8/per-channel".parse()?;
//! let made = make(&float, &recipe, digits.images(), &digits, Kernel::best(), &mut |_| true)?;
//! let logits = logits(&Model::Int8(made.int8), Kernel::best(), digits.images());
//! assert_eq!(logits.len(), 20 * 10);
//! # Ok(())
//! # }
//! ```
//!
//! The rooms follow a digit's way through the program:
//!
//! - [`idx`] reads MNIST's files into [`digits`]; [`stroke`] turns pen strokes into the same kind of image;
//! - [`picture`] does so with a photo or a scan;
//! - [`float`] is the float32 network 784-h1-h2-10 and how it is trained;
//! - [`quant`] finds scales and zero points and converts the float network;
//! - [`int8`] is the quantized network, running on integers;
//! - [`neuron`] takes one neuron apart, down to the last addition;
//! - [`augment`] varies what training sees: images, digits [`drawn`] by rule, [`pens`]' drawings by another [`hand`], and
//!   [`others`], which are no digits;
//! - [`compare`] holds two models' answers against each other; [`explain`] finds the layer that makes them differ,
//!   [`sensitivity`] what each costs over many digits;
//!   [`verdict`] says when an answer is not to be believed;
//! - [`walk`] lists every integer of an image's way, [`trial`] the digits that the networks read wrongly;
//! - [`spread`] counts the values that observers see;
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
pub mod hand;
pub mod idx;
pub mod int8;
#[doc = include_str!("methods.md")]
pub mod methods {}
pub mod neuron;
pub mod others;
pub mod pens;
pub mod picture;
pub mod quant;
pub mod random;
pub mod sensitivity;
pub mod spread;
pub mod stroke;
pub mod trial;
pub mod verdict;
pub mod walk;

pub use digit8_kernels::Kernel;
pub use error::Error;

/// The result of everything that can fail on what a user brought.
pub type Result<T> = std::result::Result<T, Error>;
