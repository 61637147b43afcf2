//! The float32 network 784-h1-h2-10: three linear layers, ReLU after the first two.

mod mlp;

pub use mlp::{FloatEngine, Linear, Mlp};
pub(crate) use mlp::{check_finite, check_shapes, contiguous};
