//! What reports are made of: charts, tables, and the description of the machine.
//!
//! Imports `host` and `core`. The notebook, the bench and the commands draw and print with it.

#![forbid(unsafe_code)]

pub mod chart;
pub mod confusion;
pub mod machine;
pub mod quantized;
