use crate::quant::Range;

/// Values that are kept as they are; from the next one on, all are counted in bins.
const KEPT: usize = 4096;
/// Bins on each side of 0.
const HALF: i64 = 4096;

/// Everything seen, as far as the choice of a range needs it: values as they are as long as they are few, as a row of weights is, then
/// counts in bins.
///
/// Bins are a power of two wide, and one of them begins at 0. When a value comes that lies beyond the last bin, bins are joined in pairs: no
/// count has to be shared between bins, and the result does not depend on the batches or their order. The farthest value lies in one of
/// the bins 2,048 to 4,096 from 0. Zeros, of which ReLU makes many, are counted by themselves.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    range: Range,
    kept: Vec<f32>,
    zeros: u64,
    /// Bins are `2^exponent` wide.
    exponent: i32,
    /// Bin `at` begins at `(at - HALF) · 2^exponent`; empty as long as values are kept.
    bins: Vec<u64>,
}

/// Values that lie together: as many as `count` from `low` to `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cluster {
    pub low: f32,
    pub high: f32,
    pub count: u64,
}

impl Cluster {
    /// The value that stands for all of them.
    pub fn middle(&self) -> f32 {
        0.5 * self.low + 0.5 * self.high
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self { range: Range::NOTHING, kept: vec![], zeros: 0, exponent: i32::MIN, bins: vec![] }
    }
}

impl Tally {
    /// Takes the values of one batch into account; from the first one that is not finite on, only that is remembered.
    pub fn observe(&mut self, batch: &[f32]) {
        self.range = self.range.joined(Range::of(batch));
        if !self.is_sound() {
            return;
        }
        if self.bins.is_empty() && self.kept.len() + batch.len() <= KEPT {
            self.kept.extend_from_slice(batch);
            return;
        }
        self.widen();
        let kept = std::mem::take(&mut self.kept);
        // Exact: a power of two, and f64 has room for what it makes of an f32.
        let per_unit = 2f64.powi(-self.exponent);
        for &value in kept.iter().chain(batch) {
            if value == 0.0 {
                self.zeros += 1;
            } else {
                self.bins[((f64::from(value) * per_unit).floor() as i64 + HALF) as usize] += 1;
            }
        }
    }

    /// The least and the greatest value seen.
    pub fn range(&self) -> Range {
        self.range
    }

    /// Whether there were values, and all were finite.
    pub fn is_sound(&self) -> bool {
        self.range.min.is_finite() && self.range.max.is_finite()
    }

    /// What was seen, upwards.
    pub fn clusters(&self) -> Vec<Cluster> {
        if self.bins.is_empty() {
            let mut kept = self.kept.clone();
            kept.sort_by(f32::total_cmp);
            return kept.into_iter().map(|value| Cluster { low: value, high: value, count: 1 }).collect();
        }
        let width = 2f64.powi(self.exponent);
        let Range { min, max } = self.range;
        let bins = (-HALF..).zip(&self.bins).map(|(at, &count)| Cluster {
            low: ((at as f64 * width) as f32).max(min),
            high: (((at + 1) as f64 * width) as f32).min(max),
            count,
        });
        let zeros = Cluster { low: 0.0, high: 0.0, count: self.zeros };
        let below = bins.clone().take(HALF as usize);
        let above = bins.skip(HALF as usize);
        below.chain([zeros]).chain(above).filter(|cluster| cluster.count > 0).collect()
    }

    /// Makes bins so wide that all of the range is in one.
    fn widen(&mut self) {
        let farthest = f64::from(self.range.max.max(-self.range.min));
        // The power of two at or below it; an f32 is a normal f64.
        let power = (farthest.to_bits() >> 52) as i32 - 1023;
        let exponent = if farthest == 0.0 { -160 } else { power + 1 - HALF.ilog2() as i32 };
        if self.bins.is_empty() {
            self.bins = vec![0; 2 * HALF as usize];
            self.exponent = exponent;
        }
        let joined = (exponent - self.exponent).clamp(0, 63);
        if joined > 0 {
            let mut bins = vec![0; self.bins.len()];
            for (at, count) in (-HALF..).zip(&self.bins) {
                bins[((at >> joined) + HALF) as usize] += count;
            }
            self.bins = bins;
            self.exponent = exponent;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tally(batches: &[&[f32]]) -> Tally {
        let mut tally = Tally::default();
        batches.iter().for_each(|batch| tally.observe(batch));
        tally
    }

    #[test]
    fn few_values_stay_as_they_are() {
        let clusters = tally(&[&[2.0, -1.0], &[0.5]]).clusters();
        assert_eq!(clusters.iter().map(Cluster::middle).collect::<Vec<_>>(), [-1.0, 0.5, 2.0]);
    }

    #[test]
    fn many_values_are_counted_in_bins() {
        // 4,096 is in no bin of width 1; with bins of 2, it is in 2,048's.
        let mut values = vec![1.0; KEPT];
        values.extend([0.0, 0.5, 3.5, 4096.0, -4096.0]);
        let clusters = tally(&[&values]).clusters();
        let cluster = |low, high, count| Cluster { low, high, count };
        assert_eq!(
            clusters,
            [
                cluster(-4096.0, -4094.0, 1),
                cluster(0.0, 0.0, 1),
                cluster(0.0, 2.0, KEPT as u64 + 1),
                cluster(2.0, 4.0, 1),
                cluster(4096.0, 4096.0, 1),
            ]
        );
    }

    proptest! {
        #[test]
        fn batches_and_their_order_do_not_matter(
            values in prop::collection::vec((-1f32..1.0, -9i32..9), KEPT..KEPT + 500),
            cut in 1usize..KEPT,
        ) {
            let values: Vec<f32> = values.into_iter().map(|(x, power)| x * 10f32.powi(power)).collect();
            let (a, b) = values.split_at(cut);
            let whole = tally(&[&values]);
            prop_assert_eq!(tally(&[a, b]).clusters(), whole.clusters());
            prop_assert_eq!(tally(&[b, a]).clusters(), whole.clusters());
            let clusters = whole.clusters();
            prop_assert_eq!(clusters.iter().map(|cluster| cluster.count).sum::<u64>(), values.len() as u64);
            for value in values {
                prop_assert!(clusters.iter().any(|cluster| (cluster.low..=cluster.high).contains(&value)));
            }
        }
    }
}
