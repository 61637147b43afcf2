//! The float network that an int8 one stands for.

use crate::Result;
use crate::float::Mlp;
use crate::int8::{QuantizedLinear, QuantizedMlp};

impl QuantizedMlp {
    /// The float network with the very weights that the integers stand for: what is left of the difference between the two is that of
    /// the activations.
    ///
    /// # Errors
    /// [`Error::Model`](crate::Error::Model) if a weight is not finite as a real number.
    pub fn dequantized(&self) -> Result<Mlp> {
        Mlp::new(self.layers().each_ref().map(QuantizedLinear::dequantized))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::{Calibration, Granularity, quantize};

    #[test]
    fn quantized_again_it_is_the_same_network() {
        let mlp = Mlp::random([30, 20], 9).unwrap();
        for granularity in [Granularity::PerTensor, Granularity::PerChannel] {
            let int8 = quantize(&mlp, Calibration::Dynamic, granularity).unwrap();
            let float = int8.dequantized().unwrap();
            let again = quantize(&float, Calibration::Dynamic, granularity).unwrap();
            for (a, b) in again.layers().iter().zip(int8.layers()) {
                // The greatest magnitude is 127 or 128 steps, never the 127.5 that the scale was made for.
                assert!(a.weight.iter().zip(&b.weight).all(|(a, b)| a.abs_diff(*b) <= 1));
            }
            let furthest = |a: &Mlp, b: &Mlp| {
                let layers = a.layers().iter().zip(b.layers());
                layers.flat_map(|(a, b)| (&a.weight - &b.weight).mapv(f32::abs)).fold(0.0, f32::max)
            };
            assert!(furthest(&float, &mlp) < 0.001, "{}", furthest(&float, &mlp));
        }
    }
}
