//! What a graph knows before it sees a pixel.

use crate::tensor::Tensor;

/// A constant, and the integers that it was made of, if it went through DequantizeLinear.
#[derive(Clone, Debug)]
pub struct Constant {
    /// Its value.
    pub tensor: Tensor,
    /// Integers, scale, and zero point.
    pub integers: Option<[Option<Tensor>; 3]>,
}
