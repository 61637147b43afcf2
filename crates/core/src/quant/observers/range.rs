use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The least and the greatest value seen, or those that are to be represented.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The least value.
    pub min: f32,
    /// The greatest value.
    pub max: f32,
}

impl Range {
    /// What was seen before any value was.
    pub const NOTHING: Self = Self { min: f32::INFINITY, max: f32::NEG_INFINITY };
    /// What is left once a NaN was seen.
    const NAN: Self = Self { min: f32::NAN, max: f32::NAN };

    /// The range of some values; [`NOTHING`](Self::NOTHING) for none. NaN is kept, so that it is not overlooked.
    pub fn of<'a>(values: impl IntoIterator<Item = &'a f32>) -> Self {
        values.into_iter().fold(Self::NOTHING, |range, &value| range.joined(Self { min: value, max: value }))
    }

    /// The range that holds both; NaN if either is.
    pub fn joined(self, other: Self) -> Self {
        if self.min.is_nan() || other.min.is_nan() {
            return Self::NAN;
        }
        // Comparisons, not `f32::min`: of 0 and -0 the first one stays.
        Self {
            min: if other.min < self.min { other.min } else { self.min },
            max: if other.max > self.max { other.max } else { self.max },
        }
    }

    pub(in crate::quant) fn checked(self, what: &str) -> Result<Self> {
        if self.min.is_finite() && self.max.is_finite() && self.min <= self.max {
            Ok(self)
        } else {
            Err(Error::range(what, self.min, self.max))
        }
    }

    /// Extended so that 0 lies within: zero must have an integer of its own.
    pub(in crate::quant) fn with_zero(self) -> Self {
        Self { min: self.min.min(0.0), max: self.max.max(0.0) }
    }
}
