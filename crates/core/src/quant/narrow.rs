//! Weights of fewer bits than eight: what becomes of the network, and of its weights.

use std::ops::RangeInclusive;

use ndarray::Array2;
use serde::Serialize;

use crate::compare;
use crate::float::Mlp;
use crate::int8::{QuantizedLinear, QuantizedMlp};
use crate::quant::{Range, Scale, WeightScale};
use crate::{Error, Result};

/// The widths there are, in bits.
pub const WIDTHS: RangeInclusive<u32> = 2..=8;

/// Bars of a histogram; an odd number, so that one stands on 0.
const BARS: usize = 65;

/// `int8` with its weights made anew from the float network's in `bits` bits: symmetric, the greatest magnitude over
/// `(2^bits - 1) / 2`, which is PyTorch's observer at any width (rule 3 at eight). Activations stay as they are.
///
/// # Errors
/// [`Error::Model`] if there is no such width; [`Error::Mismatch`] if the networks are not of one size.
pub fn narrow(mlp: &Mlp, int8: &QuantizedMlp, bits: u32) -> Result<QuantizedMlp> {
    if !WIDTHS.contains(&bits) {
        let (least, most) = (WIDTHS.start(), WIDTHS.end());
        return Err(Error::Model(format!("weights of {bits} bits, expected {least} to {most}")));
    }
    if mlp.hidden() != int8.hidden() {
        return Err(Error::Mismatch("a float network and an int8 one of other sizes".into()));
    }
    let half_width = ((1 << bits) - 1) as f32 / 2.0;
    let (least, most) = (-(1 << (bits - 1)) as f32, ((1 << (bits - 1)) - 1) as f32);
    let mut layers = int8.layers().clone();
    for (quantized, linear) in layers.iter_mut().zip(mlp.layers()) {
        let scale =
            |Range { min, max }: Range| Scale::new((max.max(-min).max(0.0) / half_width).max(f32::EPSILON));
        quantized.weight_scale = match quantized.weight_scale {
            WeightScale::PerTensor(_) => WeightScale::PerTensor(scale(Range::of(&linear.weight))?),
            WeightScale::PerChannel(_) => {
                let rows = linear.weight.rows().into_iter();
                WeightScale::PerChannel(rows.map(|row| scale(Range::of(row))).collect::<Result<_>>()?)
            }
        };
        quantized.weight = Array2::from_shape_fn(linear.weight.dim(), |(row, column)| {
            let steps = linear.weight[[row, column]] * quantized.weight_scale.of(row).get().recip();
            steps.round_ties_even().clamp(least, most) as i8
        });
    }
    QuantizedMlp::new(layers, *int8.activations())
}

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
        let after = real_weights(quantized);
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

/// What the integers of a layer's weights stand for.
fn real_weights(layer: &QuantizedLinear) -> Array2<f32> {
    Array2::from_shape_fn(layer.weight.dim(), |(row, column)| {
        f32::from(layer.weight[[row, column]]) * layer.weight_scale.of(row).get()
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
    use crate::quant::{Calibration, Granularity, quantize};

    #[test]
    fn eight_bits_are_the_int8_network_itself() {
        let mlp = Mlp::random([30, 20], 1).unwrap();
        for granularity in [Granularity::PerTensor, Granularity::PerChannel] {
            let int8 = quantize(&mlp, Calibration::Dynamic, granularity).unwrap();
            assert_eq!(narrow(&mlp, &int8, 8).unwrap(), int8);
        }
    }

    #[test]
    fn fewer_bits_are_fewer_integers_and_more_error() {
        let mlp = Mlp::random([30, 20], 2).unwrap();
        let int8 = quantize(&mlp, Calibration::Dynamic, Granularity::PerTensor).unwrap();
        let mut last = [f64::NEG_INFINITY; 3];
        for bits in WIDTHS {
            let narrowed = narrow(&mlp, &int8, bits).unwrap();
            for (index, layer) in layer_weights(&mlp, &narrowed).into_iter().enumerate() {
                assert!(layer.levels <= 1 << bits, "{bits} bits: {} integers", layer.levels);
                assert!(layer.levels > 1 << (bits - 1), "{bits} bits: {} integers", layer.levels);
                assert!(layer.error.sqnr > last[index] + 3.0, "{bits} bits: {:?}", layer.error);
                last[index] = layer.error.sqnr;
                let weights = mlp.layers()[index].weight.len();
                for bars in [layer.before, layer.after] {
                    assert_eq!((bars.len(), bars.iter().sum::<u32>()), (BARS, weights as u32));
                }
            }
        }
    }

    #[test]
    fn other_widths_and_sizes_are_errors() {
        let mlp = Mlp::random([30, 20], 3).unwrap();
        let int8 = quantize(&mlp, Calibration::Dynamic, Granularity::PerTensor).unwrap();
        for bits in [0, 1, 9, u32::MAX] {
            assert!(narrow(&mlp, &int8, bits).unwrap_err().to_string().contains("expected 2 to 8"));
        }
        assert!(narrow(&Mlp::random([30, 21], 3).unwrap(), &int8, 4).is_err());
    }
}
