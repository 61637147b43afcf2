//! The measurements: in their own crate.

pub use digit8_bench::{Args, run};
