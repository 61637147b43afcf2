//! The machine underneath: files, other programs, the terminal, and the checkout that a program runs in.
//!
//! Knows nothing of networks or digits, and imports no other crate of the workspace: `xtask` uses it as well.

#![forbid(unsafe_code)]

pub mod checkout;
pub mod chromium;
pub mod files;
pub mod process;
#[cfg(feature = "progress")]
pub mod progress;
pub mod python;
pub mod terminal;
