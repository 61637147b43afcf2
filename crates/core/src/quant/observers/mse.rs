//! The range whose integers are nearest to the values on the whole: least squared error.

use crate::quant::observers::tally::Tally;
use crate::quant::observers::{Grid, Method, Observer, ObserverKind, Range};

/// The ends that are tried, as hundredths of the least and the greatest value: 81 of them.
const SHARES: std::ops::RangeInclusive<u8> = 20..=100;

/// The observer's line in the table.
pub const METHOD: Method = Method {
    name: "mse",
    about: "The range with the least squared error of all values, clipped ones included. \
            81 ends are tried, from 0.2 to 1 of the greatest value (41 × 41 pairs, where both ends matter).",
    argument: None,
    observer: |_| Box::new(Mse { tally: Tally::default() }),
};

impl ObserverKind {
    /// The range with the least squared error.
    pub const MSE: Self = Self::of(&METHOD);
}

/// The least `Σ (x - x̂)²` of a grid of ranges, where `x̂` saturates at the ends of the range. Up to 1,681 passes over the values, or
/// over at most 8,193 clusters of them.
struct Mse {
    tally: Tally,
}

impl Observer for Mse {
    fn observe(&mut self, batch: &[f32]) {
        self.tally.observe(batch);
    }

    fn range(&self, grid: &Grid) -> Range {
        if !self.tally.is_sound() {
            return self.tally.range();
        }
        let clusters = self.tally.clusters();
        let points: Vec<(f32, f64)> =
            clusters.iter().map(|cluster| (cluster.middle(), cluster.count as f64)).collect();
        let mut best = (f64::INFINITY, self.tally.range());
        // The widest first, so that it stays where narrower ones are no better.
        for range in candidates(self.tally.range(), grid).into_iter().rev() {
            if let Some(error) = squared_error(&points, range, grid)
                && error < best.0
            {
                best = (error, range);
            }
        }
        best.1
    }
}

/// The ranges that are tried.
fn candidates(range: Range, grid: &Grid) -> Vec<Range> {
    let Range { min, max } = range.with_zero();
    let part = |share: u8| f32::from(share) / 100.0;
    if grid.symmetric || min == 0.0 || max == 0.0 {
        return SHARES.map(|share| Range { min: min * part(share), max: max * part(share) }).collect();
    }
    let ends = || SHARES.step_by(2).map(part);
    ends().flat_map(|low| ends().map(move |high| Range { min: min * low, max: max * high })).collect()
}

/// `Σ count · (x - x̂)²`, if there are a scale and a zero point for the range.
fn squared_error(points: &[(f32, f64)], range: Range, grid: &Grid) -> Option<f64> {
    let (scale, zero_point) = if grid.symmetric {
        (grid.scale("", range).ok()?, (grid.min + grid.max + 1).div_euclid(2))
    } else {
        let qparams = grid.qparams("", range).ok()?;
        (qparams.scale, i32::from(qparams.zero_point.0))
    };
    let (scale, inverse) = (scale.get(), scale.get().recip());
    let (least, most) = ((grid.min - zero_point) as f32, (grid.max - zero_point) as f32);
    // Rounds to the nearest integer, half to even, below 2^22: one addition, where a call would cost five times all the rest.
    let rint = |x: f32| (x + 12_582_912.0) - 12_582_912.0;
    let error = |x: f32| f64::from(x - rint((x * inverse).clamp(least, most)) * scale);
    Some(points.iter().map(|&(x, count)| count * error(x) * error(x)).sum())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error_of(values: &[f32], range: Range, grid: &Grid) -> f64 {
        let points: Vec<_> = values.iter().map(|&value| (value, 1.0)).collect();
        squared_error(&points, range, grid).unwrap()
    }

    #[test]
    fn squared_error_by_hand() {
        // Two bits from 0 to 3: 0.25 → 0, 1.5 → 2 (half to even), 5 → 3.
        let grid = Grid::activations(2).unwrap();
        let error = error_of(&[0.25, 1.5, 5.0, 2.0], Range { min: 0.0, max: 3.0 }, &grid);
        assert_eq!(error, 0.0625 + 0.25 + 4.0);
        // Ternary, in steps of 2: -3 → -2, 0.9 → 0, 1.5 → 2.
        let error = error_of(&[-3.0, 0.9, 1.5], Range { min: -2.0, max: 1.0 }, &Grid::signed(-1, 1));
        assert!((error - (1.0 + 0.81 + 0.25)).abs() < 1e-6);
    }

    #[test]
    fn an_outlier_is_clipped_where_it_costs_less_than_wide_steps() {
        let mut values: Vec<f32> = (0..1000).map(|at| at as f32 / 1000.0).collect();
        values.push(1.5);
        // Best for even values from 0 to 1: 0, 2/7, 4/7, 6/7, each for what lies within 1/7 of it.
        let range = ObserverKind::MSE.range_of(&values, &Grid::activations(2).unwrap());
        assert!(range.min == 0.0 && (range.max - 6.0 / 7.0).abs() < 0.01, "{range:?}");
        // With 256 integers, steps are narrow anyway.
        let range = ObserverKind::MSE.range_of(&values, &Grid::activations(8).unwrap());
        assert!(range.max > 1.4, "{range:?}");
    }

    #[test]
    fn values_on_integers_keep_their_range() {
        let grid = Grid::activations(4).unwrap();
        let values: Vec<f32> = (-5..=10).map(|value| value as f32).collect();
        assert_eq!(ObserverKind::MSE.range_of(&values, &grid), Range { min: -5.0, max: 10.0 });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn no_range_of_the_grid_is_better(
            values in prop::collection::vec(-1f32..1.0, 1..60),
            bits in 2u32..=8,
            signed in any::<bool>(),
        ) {
            let grid = if signed { Grid::weights(bits).unwrap() } else { Grid::activations(bits).unwrap() };
            let chosen = error_of(&values, ObserverKind::MSE.range_of(&values, &grid), &grid);
            let seen = Range::of(&values).with_zero();
            for low in (20..=100).step_by(2) {
                for high in (20..=100).step_by(2) {
                    let high = if signed { low } else { high };
                    let range = Range {
                        min: seen.min * (low as f32 / 100.0),
                        max: seen.max * (high as f32 / 100.0),
                    };
                    prop_assert!(chosen <= error_of(&values, range, &grid), "{range:?}");
                }
            }
        }
    }
}
