//! How weights are spread before and after quantization.

use ndarray::Array2;
use serde::Serialize;

use crate::compare;
use crate::float::Mlp;
use crate::int8::QuantizedMlp;
use crate::quant::Range;

/// Bars of a histogram; an odd number, so that one stands on 0.
const BARS: usize = 65;

/// A layer's weights before and after quantization.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerWeights {
    /// The layer.
    pub name: &'static str,
    /// Where the histograms end on both sides: the greatest magnitude of a weight.
    pub limit: f32,
    /// How many weights there are in each of 65 equal ranges from `-limit` to `limit`.
    pub before: Vec<u32>,
    /// The same of what their integers stand for.
    pub after: Vec<u32>,
    /// How many different integers occur.
    pub levels: usize,
    /// The share of weights that became 0.
    pub zeros: f64,
    /// How far the weights are from what their integers stand for.
    pub error: compare::Error,
}

/// The weights of three layers, before and after.
///
/// # Panics
/// If the networks are not of one size.
pub fn layer_weights(mlp: &Mlp, int8: &QuantizedMlp) -> [LayerWeights; 3] {
    let names = ["linear1", "linear2", "linear3"];
    std::array::from_fn(|index| {
        let (before, quantized) = (&mlp.layers()[index].weight, &int8.layers()[index]);
        assert_eq!(before.dim(), quantized.weight.dim(), "networks of one size");
        let after = quantized.dequantized().weight;
        let Range { min, max } = Range::of(before);
        let limit = max.max(-min).max(f32::MIN_POSITIVE);
        let mut seen = [false; 256];
        quantized.weight.iter().for_each(|&w| seen[usize::from(w as u8)] = true);
        let zeros = quantized.weight.iter().filter(|&&w| w == 0).count();
        LayerWeights {
            name: names[index],
            limit,
            before: histogram(before, limit),
            after: histogram(&after, limit),
            levels: seen.into_iter().filter(|&seen| seen).count(),
            zeros: zeros as f64 / before.len() as f64,
            error: compare::Error::between(before, &after),
        }
    })
}

fn histogram(weights: &Array2<f32>, limit: f32) -> Vec<u32> {
    let mut bars = vec![0; BARS];
    for weight in weights {
        let at = (weight / limit + 1.0) / 2.0 * BARS as f32;
        bars[(at as usize).min(BARS - 1)] += 1;
    }
    bars
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::recipe::Epsilon;
    use crate::quant::{Calibration, Granularity, Width, quantize, quantize_layer, recipe};

    #[test]
    fn fewer_bits_are_fewer_integers_and_more_error() {
        let mlp = Mlp::random([30, 20], 2).unwrap();
        let int8 = quantize(&mlp, Calibration::Dynamic, Granularity::PerTensor).unwrap();
        let mut last = [f64::INFINITY; 3];
        for bits in (2..=8).rev() {
            let weights = recipe::Weights { bits: [Width::Bits(bits); 3], ..Default::default() };
            let layer = |index: usize| {
                quantize_layer(index, &mlp.layers()[index], &weights, Epsilon::default()).unwrap()
            };
            let narrowed = QuantizedMlp::new([layer(0), layer(1), layer(2)], *int8.activations()).unwrap();
            for (index, layer) in layer_weights(&mlp, &narrowed).into_iter().enumerate() {
                assert!(layer.levels <= 1 << bits, "{bits} bits: {} integers", layer.levels);
                assert!(layer.levels > 1 << (bits - 1), "{bits} bits: {} integers", layer.levels);
                assert!(layer.error.sqnr < last[index] - 3.0, "{bits} bits: {:?}", layer.error);
                last[index] = layer.error.sqnr;
                let weights = mlp.layers()[index].weight.len();
                for bars in [layer.before, layer.after] {
                    assert_eq!((bars.len(), bars.iter().sum::<u32>()), (BARS, weights as u32));
                }
            }
        }
    }
}
