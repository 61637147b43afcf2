//! The least and the greatest value seen: PyTorch's `MinMaxObserver`, and row by row its `PerChannelMinMaxObserver`.

use crate::quant::observers::{Grid, Method, Observer, ObserverKind, Range};

/// The observer's line in the table.
pub const METHOD: Method = Method {
    name: "min-max",
    about: "The least and the greatest value seen: nothing is ever clipped. One outlier makes every step wide.",
    argument: None,
    observer: |_| Box::new(MinMaxObserver::default()),
};

impl ObserverKind {
    /// The least and the greatest value seen.
    pub const MIN_MAX: Self = Self::of(&METHOD);
}

/// PyTorch's `MinMaxObserver`: the running minimum and maximum. Two comparisons a value, no memory.
#[derive(Clone, Copy, Debug)]
pub struct MinMaxObserver {
    range: Range,
}

impl Default for MinMaxObserver {
    fn default() -> Self {
        Self { range: Range::NOTHING }
    }
}

impl MinMaxObserver {
    /// What was seen so far.
    pub fn seen(&self) -> Range {
        self.range
    }
}

impl Observer for MinMaxObserver {
    fn observe(&mut self, batch: &[f32]) {
        self.range = self.range.joined(Range::of(batch));
    }

    fn range(&self, _: &Grid) -> Range {
        self.range
    }
}
