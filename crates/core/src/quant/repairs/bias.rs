//! Bias correction: the mean error that rounded weights make is known from calibration, and taken off the bias.

use ndarray::{Array1, Array2};

use crate::float::Linear;

/// The bias with which a layer's outputs have their float means again: `b + W E[x] - Ŵ E[x̂]` (Nagel et al. 2019, arXiv 1906.04721,
/// section 4.2, the empirical form).
///
/// `quantized` `[outputs, inputs]` is what the layer's integers stand for. `mean` is that of the float network's inputs and `quantized_mean`
/// that of the inputs that the layer gets in the quantized network: both the same, if only this layer's own error is to be mended. Two
/// passes over the weights, each row summed in its order.
///
/// # Panics
/// If the sizes differ.
pub fn corrected_bias(
    linear: &Linear,
    quantized: &Array2<f32>,
    mean: &[f64],
    quantized_mean: &[f64],
) -> Array1<f32> {
    let (outputs, inputs) = linear.weight.dim();
    assert_eq!(quantized.dim(), (outputs, inputs), "weights of one shape");
    assert_eq!((mean.len(), quantized_mean.len()), (inputs, inputs), "a mean for each input");
    Array1::from_shape_fn(outputs, |row| {
        let products = |weights: &Array2<f32>, mean: &[f64]| -> f64 {
            weights.row(row).iter().zip(mean).map(|(&w, mean)| f64::from(w) * mean).sum()
        };
        let correction = products(&linear.weight, mean) - products(quantized, quantized_mean);
        (f64::from(linear.bias[row]) + correction) as f32
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_neuron_by_hand() {
        // 0.75 · 2 + 0.25 · 4 = 2.5; with integers 1 · 2 + 0 · 4 = 2: half a unit is missing.
        let linear = Linear { weight: array![[0.75, 0.25]], bias: array![-1.0] };
        let quantized = array![[1.0, 0.0]];
        assert_eq!(corrected_bias(&linear, &quantized, &[2.0, 4.0], &[2.0, 4.0]), array![-0.5]);
        // The quantized network's inputs are 1 greater.
        assert_eq!(corrected_bias(&linear, &quantized, &[2.0, 4.0], &[3.0, 5.0]), array![-1.5]);
    }

    proptest! {
        #[test]
        fn the_mean_error_is_gone(
            weights in prop::collection::vec(-1f32..1.0, 6),
            x in prop::collection::vec(-1f32..1.0, 12),
        ) {
            let weight = Array2::from_shape_vec((2, 3), weights).unwrap();
            let quantized = weight.mapv(|w| (w * 2.0).round() / 2.0);
            let linear = Linear { weight, bias: array![0.5, -0.25] };
            let mean: Vec<f64> = (0..3).map(|at| x.chunks(3).map(|x| f64::from(x[at])).sum::<f64>() / 4.0).collect();
            let bias = corrected_bias(&linear, &quantized, &mean, &mean);
            for row in 0..2 {
                let of = |weights: &Array2<f32>, bias: &Array1<f32>| -> f32 {
                    let outputs = x.chunks(3).map(|x| bias[row] + (0..3).map(|at| weights[[row, at]] * x[at]).sum::<f32>());
                    outputs.sum::<f32>() / 4.0
                };
                prop_assert!((of(&linear.weight, &linear.bias) - of(&quantized, &bias)).abs() < 1e-5);
            }
        }
    }
}
