//! The float32 network 784-h1-h2-10: three linear layers, ReLU after the first two.

mod batches;
mod engine;
mod loss;
mod mlp;
mod outlier;
mod source;
mod teacher;
mod train;
mod trainer;

pub use engine::FloatEngine;
pub use mlp::{Linear, Mlp};
pub(crate) use mlp::{check_finite, check_shapes, contiguous};
pub use source::{NO_DIGIT, Source, Target, certain};
pub use teacher::Taught;
pub use train::{Progress, Schedule, Settings, train};
