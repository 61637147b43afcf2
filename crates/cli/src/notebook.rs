//! The story: in its own crate.

pub use digit8_notebook::{Args, run};
