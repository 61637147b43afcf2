//! An average of the batches' extremes that forgets slowly: PyTorch's `MovingAverageMinMaxObserver`.

use crate::quant::observers::{Grid, Method, Observer, ObserverKind, Range};

/// How far an average moves towards each new batch: PyTorch's `averaging_constant`.
const CONSTANT: f32 = 0.01;

/// The observer's line in the table.
pub const METHOD: Method = Method {
    name: "moving-average",
    about: "The batches' extremes, averaged: each new batch moves the range by a hundredth of the difference. \
            It depends on how the digits are cut into batches, and on their order.",
    argument: None,
    observer: |_| Box::new(MovingAverage { range: Range::NOTHING }),
};

impl ObserverKind {
    /// The batches' extremes, averaged with PyTorch's constant of 0.01.
    pub const MOVING_AVERAGE: Self = Self::of(&METHOD);
}

/// `min += 0.01 · (batch's min - min)`, and the same for `max`; the first batch's extremes are taken as they are.
struct MovingAverage {
    range: Range,
}

impl Observer for MovingAverage {
    fn observe(&mut self, batch: &[f32]) {
        let now = Range::of(batch);
        if batch.is_empty() {
            return;
        }
        let Range { min, max } = self.range;
        self.range = if self.range == Range::NOTHING {
            now
        } else {
            Range { min: min + CONSTANT * (now.min - min), max: max + CONSTANT * (now.max - max) }
        };
    }

    fn range(&self, _: &Grid) -> Range {
        self.range
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundredth_of_the_way_to_each_batch() {
        let mut observer = ObserverKind::MOVING_AVERAGE.observer();
        let grid = Grid::REDUCED;
        assert_eq!(observer.range(&grid), Range::NOTHING);
        observer.observe(&[-1.0, 0.5, 2.0]);
        assert_eq!(observer.range(&grid), Range { min: -1.0, max: 2.0 });
        observer.observe(&[]);
        observer.observe(&[-101.0, 102.0]);
        assert_eq!(observer.range(&grid), Range { min: -2.0, max: 3.0 });
    }
}
