//! All but a given share of the values: what lies beyond is clipped.

use crate::quant::observers::tally::{Cluster, Tally};
use crate::quant::observers::{Argument, Grid, Method, Observer, ObserverKind, Range};

/// The observer's line in the table.
pub const METHOD: Method = Method {
    name: "percentile",
    about: "From the (100 - p)th to the pth percentile of the values: the rest on either side is clipped. \
            A few outliers cost nothing then, but whoever they belong to is told a smaller number.",
    argument: Some(Argument {
        about: "a percentile above 50 and up to 100",
        allows: |percentile| percentile > 50.0 && percentile <= 100.0,
        default: 99.99,
    }),
    observer: |percentile| Box::new(Percentile { percentile, tally: Tally::default() }),
};

impl ObserverKind {
    /// All but the outermost values: a ten-thousandth on either side.
    pub const PERCENTILE: Self = Self::of(&METHOD);
}

/// The least range that leaves at most `(100 - percentile) %` of the values below it, and as many above (nearest rank). Among more than
/// 4,096 values it is as fine as a tally's bins.
struct Percentile {
    percentile: f64,
    tally: Tally,
}

impl Observer for Percentile {
    fn observe(&mut self, batch: &[f32]) {
        self.tally.observe(batch);
    }

    fn range(&self, _: &Grid) -> Range {
        if !self.tally.is_sound() {
            return self.tally.range();
        }
        let clusters = self.tally.clusters();
        let count: u64 = clusters.iter().map(|cluster| cluster.count).sum();
        // What 100 - p loses to rounding must not keep a value that should go.
        let beyond = ((100.0 - self.percentile) / 100.0 * count as f64 + 1e-6).floor() as u64;
        let Range { min, max } = self.tally.range();
        Range {
            min: inside(clusters.iter(), beyond).map_or(min, |cluster| cluster.low),
            max: inside(clusters.iter().rev(), beyond).map_or(max, |cluster| cluster.high),
        }
    }
}

/// The first cluster that holds more than the first `beyond` values.
fn inside<'a>(mut clusters: impl Iterator<Item = &'a Cluster>, beyond: u64) -> Option<&'a Cluster> {
    let mut passed = 0;
    clusters.find(|cluster| {
        passed += cluster.count;
        passed > beyond
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(percentile: &str, values: &[f32]) -> Range {
        format!("percentile:{percentile}").parse::<ObserverKind>().unwrap().range_of(values, &Grid::REDUCED)
    }

    #[test]
    fn percentiles_of_a_hundred_values() {
        let values: Vec<f32> = (1..=100).map(|value| value as f32).collect();
        assert_eq!(range("100", &values), Range { min: 1.0, max: 100.0 });
        assert_eq!(range("99.5", &values), Range { min: 1.0, max: 100.0 });
        assert_eq!(range("99", &values), Range { min: 2.0, max: 99.0 });
        assert_eq!(range("90", &values), Range { min: 11.0, max: 90.0 });
    }

    #[test]
    fn one_value_is_its_own_range() {
        assert_eq!(range("51", &[3.0]), Range { min: 3.0, max: 3.0 });
    }

    #[test]
    fn other_shares_are_refused() {
        for text in ["50", "100.1", "-1", "NaN", "inf", "", "x"] {
            let error = format!("percentile:{text}").parse::<ObserverKind>().unwrap_err().to_string();
            assert!(error.contains("expected a percentile above 50 and up to 100"), "{error}");
        }
        assert_eq!("percentile".parse::<ObserverKind>().unwrap().to_string(), "percentile:99.99");
    }

    proptest! {
        #[test]
        fn no_more_than_the_share_lies_beyond(
            values in prop::collection::vec(-1f32..1.0, 1..9000),
            percentile in 50.5f64..100.0,
        ) {
            let Range { min, max } = range(&percentile.to_string(), &values);
            let most = (100.0 - percentile) / 100.0 * values.len() as f64 + 1e-6;
            for beyond in [values.iter().filter(|&&x| x < min).count(), values.iter().filter(|&&x| x > max).count()] {
                prop_assert!(beyond as f64 <= most, "{beyond} beyond, {most} allowed");
            }
        }
    }
}
