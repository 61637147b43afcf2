//! Matrix products on slices, one file per instruction set, picked at run time.
//!
//! This crate holds all of digit8's `unsafe` code. A [`Kernel`] is the proof that the CPU has an instruction set: the only
//! ways to get one look at the CPU first, so everything a kernel is handed to is safe to call. [`Kernel::Scalar`] defines
//! the answer; for integers every other kernel gives the same bits, for floats the same within rounding.
//!
//! Weights are packed once, for one kernel, when a model is loaded ([`int8::Weights`], [`float::Weights`]); the products
//! then write to slices of the caller's and allocate nothing.

mod arch;
pub mod float;
mod gemm;
pub mod int8;
mod kernel;
#[cfg(not(target_arch = "wasm32"))]
pub mod limits;
mod lookup;
mod simd;
pub mod train;

pub use kernel::{KERNEL_VARIABLE, Kernel, UnknownKernel};
