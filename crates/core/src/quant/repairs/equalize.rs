//! Cross-layer equalization: channels of two layers are scaled against each other, so that all of them fill the integers alike.

use crate::Result;
use crate::float::{Linear, Mlp};

/// A round that changes no scale by more than this share is the last one.
const STILL: f32 = 1e-3;
/// Rounds, if they do not come to rest.
const ROUNDS: usize = 50;

/// The same network in other weights: each hidden channel `i` is divided by `s_i = √(r₁ / r₂)`, and multiplied by it again where it
/// goes in, with `r₁` the greatest magnitude of its weights in, `r₂` of those out; afterwards both are `√(r₁ r₂)` (Nagel et al. 2019,
/// arXiv 1906.04721, equation 11). ReLU lets a positive factor pass, so that the float answers stay, but for rounding. Two pairs of layers
/// take turns until nothing changes. A few passes over the weights; no digits are needed.
///
/// Afterwards one scale fits a whole matrix better, and the inputs of the next layer are alike, too, which helps where each row has
/// its own scale.
///
/// # Errors
/// [`Error::Model`](crate::Error::Model) if a weight overflows.
pub fn equalize(mlp: &Mlp) -> Result<Mlp> {
    let mut layers = mlp.layers().clone();
    for _ in 0..ROUNDS {
        let [linear1, linear2, linear3] = &mut layers;
        let moved = equalize_pair(linear1, linear2).max(equalize_pair(linear2, linear3));
        if moved < STILL {
            break;
        }
    }
    Mlp::new(layers)
}

/// Equalizes the channels between two layers. Gives the greatest `|s - 1|`.
fn equalize_pair(first: &mut Linear, second: &mut Linear) -> f32 {
    let mut moved: f32 = 0.0;
    for channel in 0..first.bias.len() {
        let greatest = |max: f32, w: &f32| max.max(w.abs());
        let into = first.weight.row(channel).iter().fold(0.0, greatest);
        let out = second.weight.column(channel).iter().fold(0.0, greatest);
        let scale = (into / out).sqrt();
        // A channel that nothing goes into, or that goes nowhere, has nothing to share.
        if into == 0.0 || out == 0.0 || !scale.is_normal() {
            continue;
        }
        first.weight.row_mut(channel).mapv_inplace(|w| w / scale);
        first.bias[channel] /= scale;
        second.weight.column_mut(channel).mapv_inplace(|w| w * scale);
        moved = moved.max((scale - 1.0).abs());
    }
    moved
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use proptest::prelude::*;

    use super::*;
    use crate::Kernel;
    use crate::digits::PIXELS;

    #[test]
    fn two_channels_by_hand() {
        // Channel 0: 8 in, 2 out, so s = 2; channel 1: 1 in, 4 out, so s = ½.
        let mut first = Linear { weight: array![[8.0, -4.0], [0.5, 1.0]], bias: array![6.0, 3.0] };
        let mut second = Linear { weight: array![[2.0, -4.0], [1.0, 0.0]], bias: array![1.0, 2.0] };
        assert_eq!(equalize_pair(&mut first, &mut second), 1.0);
        assert_eq!(first, Linear { weight: array![[4.0, -2.0], [1.0, 2.0]], bias: array![3.0, 6.0] });
        assert_eq!(second, Linear { weight: array![[4.0, -2.0], [2.0, 0.0]], bias: array![1.0, 2.0] });
        assert_eq!(equalize_pair(&mut first, &mut second), 0.0);
    }

    #[test]
    fn channels_without_weights_stay() {
        let mut layers = Mlp::random([5, 4], 1).unwrap().layers().clone();
        layers[0].weight.row_mut(2).fill(0.0);
        layers[2].weight.column_mut(3).fill(0.0);
        let equal = equalize(&Mlp::new(layers.clone()).unwrap()).unwrap();
        assert_eq!(equal.layers()[0].weight.row(2), layers[0].weight.row(2));
        assert_eq!(equal.layers()[2].weight.column(3), layers[2].weight.column(3));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]
        #[test]
        fn float_answers_stay_and_channels_become_alike(seed in any::<u64>(), powers in prop::collection::vec(-6i32..6, 12)) {
            let mut layers = Mlp::random([12, 9], seed).unwrap().layers().clone();
            for (mut row, &power) in layers[0].weight.rows_mut().into_iter().zip(&powers) {
                row.mapv_inplace(|w| w * 3f32.powi(power));
            }
            let mlp = Mlp::new(layers).unwrap();
            let equal = equalize(&mlp).unwrap();
            let pixels: Vec<u8> = (0..4 * PIXELS).map(|at| (at * 37 % 256) as u8).collect();
            let logits = |mlp: &Mlp| mlp.layer_outputs(Kernel::Scalar, &pixels)[2].clone();
            let (before, after) = (logits(&mlp), logits(&equal));
            let greatest = before.iter().fold(0f32, |max, y| max.max(y.abs()));
            for (before, after) in before.iter().zip(&after) {
                prop_assert!((before - after).abs() <= 1e-4 * greatest, "{before} became {after}");
            }
            for (first, second) in [(0, 1), (1, 2)] {
                let (first, second) = (&equal.layers()[first].weight, &equal.layers()[second].weight);
                for channel in 0..first.nrows() {
                    let greatest = |weights: ndarray::ArrayView1<f32>| weights.iter().fold(0f32, |max, w| max.max(w.abs()));
                    let (into, out) = (greatest(first.row(channel)), greatest(second.column(channel)));
                    prop_assert!((into / out - 1.0).abs() < 0.01, "channel {channel}: {into} in, {out} out");
                }
            }
        }
    }
}
