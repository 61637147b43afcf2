//! A network with one weight that is far larger than all others.

use crate::Result;
use crate::float::Mlp;

impl Mlp {
    /// This network with the greatest weight of `linear1`, by magnitude, multiplied by `factor`: one scale for the whole matrix then
    /// has to reach that far, and all other weights get the coarser steps.
    ///
    /// # Errors
    /// [`Error::Model`](crate::Error::Model) if the weight does not stay finite.
    pub fn with_outlier(&self, factor: f32) -> Result<Self> {
        let mut layers = self.layers().clone();
        if let Some(greatest) = layers[0].weight.iter_mut().max_by(|a, b| a.abs().total_cmp(&b.abs())) {
            *greatest *= factor;
        }
        Self::new(layers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::{Calibration, Granularity, WeightScale, layer_weights, quantize};

    #[test]
    fn an_outlier_costs_the_whole_matrix_its_steps_but_only_one_channel() {
        let mlp = Mlp::random([30, 20], 1).unwrap();
        let spoilt = mlp.with_outlier(10.0).unwrap();
        let changed = mlp.layers()[0].weight.iter().zip(&spoilt.layers()[0].weight).filter(|(a, b)| a != b);
        assert_eq!(changed.count(), 1);
        assert_eq!(mlp.layers()[1..], spoilt.layers()[1..]);
        let sqnr = |mlp: &Mlp, granularity| {
            let int8 = quantize(mlp, Calibration::Dynamic, granularity).unwrap();
            assert_eq!(
                matches!(int8.layers()[0].weight_scale, WeightScale::PerTensor(_)),
                granularity == Granularity::PerTensor
            );
            layer_weights(mlp, &int8)[0].error.sqnr
        };
        let [tensor, channel] = [Granularity::PerTensor, Granularity::PerChannel];
        assert!(sqnr(&mlp, tensor) - sqnr(&spoilt, tensor) > 15.0, "a factor of ten is 20 dB");
        assert!(sqnr(&mlp, channel) - sqnr(&spoilt, channel) < 8.0);
    }
}
