//! What reports are made of: charts, tables, the shell of a page, and the description of the machine.
//!
//! Imports `host` and `core`. The notebook, the bench and the commands draw and print with it.

#![forbid(unsafe_code)]

pub mod chart;
pub mod confusion;
pub mod interval;
pub mod machine;
pub mod misread;
pub mod page;
pub mod quantized;
