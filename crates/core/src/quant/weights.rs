//! Weights become integers: their scales, and the integers nearest to them.

use ndarray::Array2;

use crate::float::Linear;
use crate::int8::QuantizedLinear;
use crate::quant::recipe::Epsilon;
use crate::quant::{Granularity, ObserverKind, Scale, WeightScale, Width, recipe};
use crate::{Error, Result};

/// The layers' names.
pub(super) const LAYERS: [&str; 3] = ["linear1", "linear2", "linear3"];

/// The scales of layer `index` (0, 1, 2), whose weights are `weight`: for the matrix or for each row, the range that the recipe's
/// observer chooses, on the integers of the layer's width.
///
/// # Errors
/// [`Error::Range`] if a weight is not finite.
pub fn weight_scale(
    index: usize,
    weight: &Array2<f32>,
    weights: &recipe::Weights,
    Epsilon(epsilon): Epsilon,
) -> Result<WeightScale> {
    let width = weights.bits[index];
    let what = format!("{}.weight", LAYERS[index]);
    let scale = |values: &[f32]| {
        if width == Width::Binary && weights.range == ObserverKind::MSE {
            return binary_scale(values, epsilon);
        }
        let grid = width.grid(epsilon);
        grid.scale(&what, weights.range.range_of(values, &grid))
    };
    match weights.granularity {
        Granularity::PerTensor => {
            Ok(WeightScale::PerTensor(scale(&weight.iter().copied().collect::<Vec<_>>())?))
        }
        Granularity::PerChannel => {
            let rows = weight.rows().into_iter().map(|row| scale(&row.to_vec()));
            Ok(WeightScale::PerChannel(rows.collect::<Result<_>>()?))
        }
    }
}

/// The scale of binary weights with the least squared error: the mean magnitude (Rastegari et al. 2016, equation 6).
fn binary_scale(values: &[f32], epsilon: f32) -> Result<Scale> {
    let sum: f64 = values.iter().map(|value| f64::from(value.abs())).sum();
    let mean = (sum / values.len() as f64) as f32;
    if mean.is_finite() { Scale::new(mean.max(epsilon)) } else { Err(Error::range("weights", mean, mean)) }
}

/// The integers nearest to `weight` (rule 4).
pub fn nearest(weight: &Array2<f32>, scale: &WeightScale, width: Width) -> Array2<i8> {
    let mut integers = Array2::zeros(weight.dim());
    for (row, (mut integers, weights)) in integers.rows_mut().into_iter().zip(weight.rows()).enumerate() {
        let inverse = scale.of(row).get().recip();
        integers.iter_mut().zip(weights).for_each(|(q, w)| *q = width.nearest(w * inverse) as i8);
    }
    integers
}

/// Layer `index` (0, 1, 2) on integers, each the nearest one.
///
/// # Errors
/// [`Error::Range`] if a weight is not finite.
pub fn quantize_layer(
    index: usize,
    linear: &Linear,
    weights: &recipe::Weights,
    epsilon: Epsilon,
) -> Result<QuantizedLinear> {
    let weight_scale = weight_scale(index, &linear.weight, weights, epsilon)?;
    let width = weights.bits[index];
    let weight = nearest(&linear.weight, &weight_scale, width);
    Ok(QuantizedLinear { weight, width, weight_scale, bias: linear.bias.clone() })
}

impl QuantizedLinear {
    /// What the integers stand for: the layer on reals that it is.
    pub fn dequantized(&self) -> Linear {
        let weight = Array2::from_shape_fn(self.weight.dim(), |(row, column)| {
            f32::from(self.weight[[row, column]]) * self.weight_scale.of(row).get()
        });
        Linear { weight, bias: self.bias.clone() }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::quant::Range;

    fn weights(width: Width, range: ObserverKind, granularity: Granularity) -> recipe::Weights {
        recipe::Weights { bits: [width; 3], granularity, range }
    }

    fn scales(scale: &WeightScale) -> Vec<f32> {
        match scale {
            WeightScale::PerTensor(scale) => vec![scale.get()],
            WeightScale::PerChannel(scales) => scales.iter().map(|scale| scale.get()).collect(),
        }
    }

    #[test]
    fn three_bits_by_hand() {
        let weight = array![[-3.5, 0.6, 1.4], [0.0, 0.35, -0.1]];
        let recipe = weights(Width::Bits(3), ObserverKind::MIN_MAX, Granularity::PerChannel);
        // -4 to 3 is 7 wide, so that steps are 3.5 over 3.5, and 0.35 over 3.5.
        let scale = weight_scale(0, &weight, &recipe, Epsilon::default()).unwrap();
        assert_eq!(scales(&scale), [1.0, 0.1]);
        // 3.5 steps up to 3, the greatest; 3.5 down to -4, half to even.
        assert_eq!(nearest(&weight, &scale, Width::Bits(3)), array![[-4, 1, 1], [0, 3, -1]]);
    }

    #[test]
    fn binary_weights_by_hand() {
        let weight = array![[-3.0, 0.5, 1.0, -1.5]];
        let recipe = weights(Width::Binary, ObserverKind::MSE, Granularity::PerTensor);
        let scale = weight_scale(1, &weight, &recipe, Epsilon::default()).unwrap();
        assert_eq!(scales(&scale), [1.5]);
        assert_eq!(nearest(&weight, &scale, Width::Binary), array![[-1, 1, 1, -1]]);
        // No other scale is nearer.
        let error = |scale: f32| weight.iter().map(|w: &f32| (w.abs() - scale).powi(2)).sum::<f32>();
        assert!([1.4, 1.45, 1.55, 1.6].iter().all(|&other| error(other) > error(1.5)));
    }

    #[test]
    fn eight_bits_are_pytorchs() {
        let weight = array![[-0.7, 0.9, 0.31], [0.05, -0.02, 0.0]];
        let recipe = weights(Width::default(), ObserverKind::MIN_MAX, Granularity::PerTensor);
        let scale = weight_scale(0, &weight, &recipe, Epsilon::default()).unwrap();
        let expected = Scale::symmetric("w", Range::of(&weight)).unwrap();
        assert_eq!(scales(&scale), [expected.get()]);
        let integers = weight.mapv(|w| expected.quantize_weight(w));
        assert_eq!(nearest(&weight, &scale, Width::default()), integers);
    }

    #[test]
    fn what_is_not_finite_is_an_error_and_zeros_are_not() {
        for range in [ObserverKind::MIN_MAX, ObserverKind::MSE] {
            for width in Width::ALL {
                let recipe = weights(width, range, Granularity::PerChannel);
                let zeros = weight_scale(2, &Array2::zeros((2, 3)), &recipe, Epsilon::default()).unwrap();
                assert_eq!(scales(&zeros), [f32::EPSILON; 2], "{width}");
                let weight = array![[1.0, f32::NAN]];
                assert!(weight_scale(2, &weight, &recipe, Epsilon::default()).is_err(), "{width}");
            }
        }
    }
}
