//! How the values of a network's tensors are spread: what an observer sees, as histograms.

use ndarray::Array2;
use serde::Serialize;

use crate::Kernel;
use crate::digits::{PIXELS, normalized};
use crate::float::Mlp;
use crate::quant::Range;

/// Bars of a histogram.
const BARS: usize = 96;

/// The values of one tensor, counted in equal parts of their range.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The least and the greatest value.
    pub seen: Range,
    /// How many values there are in each of 96 equal parts of it.
    pub counts: Vec<u32>,
}

/// The spread of the pixels and of the three layers' outputs, for `pixels` `[n, 784]`; the hidden layers' before ReLU, or with `relu`
/// behind it.
pub fn spread(mlp: &Mlp, kernel: Kernel, pixels: &[u8], relu: bool) -> [Spread; 4] {
    let table = normalized();
    let input: Vec<f32> =
        pixels[..pixels.len() / PIXELS * PIXELS].iter().map(|&pixel| table[usize::from(pixel)]).collect();
    let [mut hidden1, mut hidden2, logits] = mlp.layer_outputs(kernel, pixels);
    if relu {
        for hidden in [&mut hidden1, &mut hidden2] {
            hidden.mapv_inplace(|y| y.max(0.0));
        }
    }
    let of = |values: &Array2<f32>| Spread::of(values.iter());
    [Spread::of(input.iter()), of(&hidden1), of(&hidden2), of(&logits)]
}

impl Spread {
    /// Counts values.
    pub fn of<'a>(values: impl Iterator<Item = &'a f32> + Clone) -> Self {
        let seen = Range::of(values.clone());
        let mut counts = vec![0; BARS];
        let width = f64::from(seen.max) - f64::from(seen.min);
        for value in values {
            let share = (f64::from(*value) - f64::from(seen.min)) / width;
            // A width of 0 gives no number, which `as` makes 0.
            counts[((share * BARS as f64) as usize).min(BARS - 1)] += 1;
        }
        Self { seen, counts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_where_it_lies() {
        let values: Vec<f32> = (0..=960).map(|at| at as f32 / 960.0 - 0.25).collect();
        let spread = Spread::of(values.iter());
        assert_eq!((spread.seen.min, spread.seen.max), (-0.25, 0.75));
        assert_eq!(spread.counts.iter().sum::<u32>(), 961);
        assert!(spread.counts.iter().all(|count| (9..=11).contains(count)), "{:?}", spread.counts);
        let same = Spread::of([2.5f32; 7].iter());
        assert_eq!(same.counts[0], 7);
    }

    #[test]
    fn all_tensors_of_a_network_are_counted() {
        let mlp = Mlp::random([30, 20], 1).unwrap();
        let pixels: Vec<u8> = (0..3 * PIXELS).map(|at| (at * 7919 % 256) as u8).collect();
        let count = |spread: &Spread| spread.counts.iter().sum::<u32>();
        for relu in [false, true] {
            let spreads = spread(&mlp, Kernel::Scalar, &pixels, relu);
            assert_eq!(spreads.each_ref().map(count), [3 * 784, 90, 60, 30]);
            assert_eq!(spreads[1].seen.min >= 0.0, relu);
        }
    }
}
