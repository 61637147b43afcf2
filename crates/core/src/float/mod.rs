//! The float32 network 784-h1-h2-10: three linear layers, ReLU after the first two.

mod engine;
mod loss;
mod mlp;
mod train;

pub use engine::FloatEngine;
pub use mlp::{Linear, Mlp};
pub(crate) use mlp::{check_finite, check_shapes, contiguous, matrix};
pub use train::{Progress, Schedule, Settings, Source, train};
