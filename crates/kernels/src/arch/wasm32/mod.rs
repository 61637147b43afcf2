//! WebAssembly: 128-bit SIMD, with or without its relaxed instructions. An engine rejects a module for one instruction that it
//! does not know, so a module has one of the two, and calling an instruction is always safe.

pub(crate) mod fma;
#[cfg(kernel = "relaxed")]
pub(crate) mod relaxed;
pub(crate) mod simd128;
