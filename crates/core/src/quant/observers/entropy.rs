//! The range whose integers tell most of the distribution: least relative entropy (Kullback-Leibler divergence), as TensorRT calibrates.

use crate::quant::observers::tally::Tally;
use crate::quant::observers::{Grid, Method, Observer, ObserverKind, Range};

/// Bins from 0 to the greatest magnitude.
const HALF: i32 = 1024;

/// The observer's line in the table.
pub const METHOD: Method = Method {
    name: "entropy",
    about: "The threshold at which the integers' distribution differs least from the values' (Kullback-Leibler, as in TensorRT). \
            It looks at shares, not at distances, and clips more than squared error would.",
    argument: None,
    observer: |_| Box::new(Entropy { tally: Tally::default() }),
};

impl ObserverKind {
    /// The threshold at which the integers' distribution differs least from the values'.
    pub const ENTROPY: Self = Self::of(&METHOD);
}

/// For each threshold `t`, the distribution `P` of all values, those beyond `±t` counted at its ends, and `Q`, what is left of those
/// within when each integer's share is spread over the bins that it stands for; the `t` of the least `Σ P ln(P / Q)`
/// (S. Migacz, *8-bit inference with TensorRT*, 2017, with bins on both sides of 0). Zeros are left out: they have an integer of their own.
/// Up to 1,024 thresholds, each a pass over up to 2,048 bins with a logarithm each.
struct Entropy {
    tally: Tally,
}

impl Observer for Entropy {
    fn observe(&mut self, batch: &[f32]) {
        self.tally.observe(batch);
    }

    fn range(&self, grid: &Grid) -> Range {
        let seen = self.tally.range();
        if !self.tally.is_sound() || (seen.min == 0.0 && seen.max == 0.0) {
            return seen;
        }
        let farthest = f64::from(seen.max.max(-seen.min));
        let bin = |x: f32| (f64::from(x) / farthest * f64::from(HALF)).floor() as i32;
        let mut counts = vec![0.0; 2 * HALF as usize];
        for cluster in self.tally.clusters() {
            if cluster.middle() != 0.0 {
                counts[(bin(cluster.middle()).min(HALF - 1) + HALF) as usize] += cluster.count as f64;
            }
        }
        let Range { min, max } = seen.with_zero();
        let first = if min < 0.0 { bin(min) } else { 0 };
        let last = if max > 0.0 { bin(max).min(HALF - 1) } else { -1 };
        let levels = (grid.max - grid.min + 1) as usize;
        // The widest first, so that it stays where narrower ones are no better.
        let mut best = (f64::INFINITY, HALF);
        for threshold in (1..=HALF).rev() {
            let (low, high) = (first.max(-threshold), last.min(threshold - 1));
            let (low, high) = ((low + HALF) as usize, (high + HALF) as usize);
            if high + 1 - low < levels {
                break;
            }
            let divergence = divergence(&counts, low, high, levels);
            if divergence < best.0 {
                best = (divergence, threshold);
            }
        }
        let threshold = (farthest * f64::from(best.1) / f64::from(HALF)) as f32;
        Range { min: seen.min.max(-threshold), max: seen.max.min(threshold) }
    }
}

/// `Σ P ln(P / Q)` for the bins `low..=high` on `levels` integers; infinite where there is something that `Q` says cannot be.
fn divergence(counts: &[f64], low: usize, high: usize, levels: usize) -> f64 {
    let inside = &counts[low..=high];
    let mut all = inside.to_vec();
    let end = all.len() - 1;
    all[0] += counts[..low].iter().sum::<f64>();
    all[end] += counts[high + 1..].iter().sum::<f64>();
    let mut told = vec![0.0; inside.len()];
    for level in 0..levels {
        let part = level * inside.len() / levels..(level + 1) * inside.len() / levels;
        let occupied = inside[part.clone()].iter().filter(|&&count| count > 0.0).count();
        let share = inside[part.clone()].iter().sum::<f64>() / occupied.max(1) as f64;
        for (told, &count) in told[part.clone()].iter_mut().zip(&inside[part]) {
            *told = if count > 0.0 { share } else { 0.0 };
        }
    }
    relative_entropy(&all, &told)
}

/// `Σ p ln(p / q)` of two distributions, given as counts.
fn relative_entropy(p: &[f64], q: &[f64]) -> f64 {
    let (p_total, q_total): (f64, f64) = (p.iter().sum(), q.iter().sum());
    let mut entropy = 0.0;
    for (&p, &q) in p.iter().zip(q) {
        if p > 0.0 {
            if q == 0.0 {
                return f64::INFINITY;
            }
            let (p, q) = (p / p_total, q / q_total);
            entropy += p * libm::log(p / q);
        }
    }
    entropy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_entropy_by_hand() {
        // ½ ln(½ / ¾) + ½ ln(½ / ¼) = ½ ln(4 / 3).
        assert!((relative_entropy(&[2.0, 2.0], &[3.0, 1.0]) - 0.5 * (4f64 / 3.0).ln()).abs() < 1e-12);
        assert_eq!(relative_entropy(&[1.0, 7.0], &[1.0, 7.0]), 0.0);
        assert_eq!(relative_entropy(&[1.0, 1.0], &[1.0, 0.0]), f64::INFINITY);
    }

    #[test]
    fn divergence_by_hand() {
        // Two integers for the bins 1..=4: 3 and 1 become 2 and 2, 4 alone stays, and of the ends 1 + 2 are counted beyond.
        let counts = [1.0, 3.0, 1.0, 0.0, 4.0, 2.0];
        let expected = relative_entropy(&[4.0, 1.0, 0.0, 6.0], &[2.0, 2.0, 0.0, 4.0]);
        assert_eq!(divergence(&counts, 1, 4, 2), expected);
    }

    #[test]
    fn even_values_keep_their_range() {
        let values: Vec<f32> = (-3000..7000).map(|at| (at as f32 + 0.5) / 1000.0).collect();
        let range = ObserverKind::ENTROPY.range_of(&values, &Grid::activations(4).unwrap());
        assert_eq!(range, Range::of(&values));
    }

    #[test]
    fn an_outlier_is_clipped() {
        let mut values: Vec<f32> = (0..10_000).map(|at| at as f32 / 10_000.0).collect();
        values.push(50.0);
        let range = ObserverKind::ENTROPY.range_of(&values, &Grid::activations(4).unwrap());
        assert!(range.min == 0.0 && (0.7..1.1).contains(&range.max), "{range:?}");
    }

    #[test]
    fn no_other_threshold_tells_more() {
        // A bell: the sums of twelve digits of a linear congruence.
        let mut state = 1u32;
        let mut even = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32
        };
        let values: Vec<f32> = (0..20_000).map(|_| (0..12).map(|_| even()).sum::<f32>() - 6.0).collect();
        let grid = Grid::activations(5).unwrap();
        let chosen = ObserverKind::ENTROPY.range_of(&values, &grid);
        let (seen, chosen) = (Range::of(&values), chosen.max.max(-chosen.min));
        let farthest = seen.max.max(-seen.min);
        assert!(chosen < farthest, "tails are clipped");
        let mut counts = vec![0.0; 2 * HALF as usize];
        let mut tally = Tally::default();
        tally.observe(&values);
        for cluster in tally.clusters() {
            let at = (cluster.middle() / farthest * HALF as f32).floor() as i32;
            counts[(at.min(HALF - 1) + HALF) as usize] += cluster.count as f64;
        }
        let of = |threshold: i32| {
            let first = ((seen.min / farthest * HALF as f32).floor() as i32).max(-threshold);
            let last = ((seen.max / farthest * HALF as f32).floor() as i32).min(threshold - 1);
            divergence(&counts, (first + HALF) as usize, (last + HALF) as usize, 32)
        };
        let best = of((chosen / farthest * HALF as f32).round() as i32);
        for threshold in (64..=HALF).step_by(37) {
            assert!(best <= of(threshold), "threshold {threshold}: {} below {best}", of(threshold));
        }
    }
}
