//! Observers watch a tensor during calibration and remember what a scale needs to know.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The least and the greatest value seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The least value.
    pub min: f32,
    /// The greatest value.
    pub max: f32,
}

impl Range {
    /// The range of some values; nothing yet, for none (`min` is then +∞ and `max` -∞). NaN is kept, so that it is not
    /// overlooked.
    pub fn of<'a>(values: impl IntoIterator<Item = &'a f32>) -> Self {
        let mut observer = MinMaxObserver::default();
        values.into_iter().for_each(|&value| observer.observe_one(value));
        observer.range
    }

    pub(super) fn checked(self, what: &str) -> Result<Self> {
        if self.min.is_finite() && self.max.is_finite() && self.min <= self.max {
            Ok(self)
        } else {
            Err(Error::range(what, self.min, self.max))
        }
    }

    /// Extended so that 0 lies within: zero must have an integer of its own.
    pub(super) fn with_zero(self) -> Self {
        Self { min: self.min.min(0.0), max: self.max.max(0.0) }
    }
}

/// PyTorch's `MinMaxObserver`: the running minimum and maximum.
#[derive(Clone, Copy, Debug)]
pub struct MinMaxObserver {
    range: Range,
}

impl Default for MinMaxObserver {
    fn default() -> Self {
        Self { range: Range { min: f32::INFINITY, max: f32::NEG_INFINITY } }
    }
}

impl MinMaxObserver {
    /// Takes the values of one batch into account.
    pub fn observe(&mut self, values: &[f32]) {
        values.iter().for_each(|&value| self.observe_one(value));
    }

    /// What was seen so far.
    pub fn range(&self) -> Range {
        self.range
    }

    fn observe_one(&mut self, value: f32) {
        if value.is_nan() {
            self.range = Range { min: f32::NAN, max: f32::NAN };
        } else {
            // Comparisons, not `f32::min`: a NaN that is already there stays.
            self.range.min = if value < self.range.min { value } else { self.range.min };
            self.range.max = if value > self.range.max { value } else { self.range.max };
        }
    }
}
