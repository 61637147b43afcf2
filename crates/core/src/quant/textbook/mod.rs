//! Quantization by hand, as the textbook has it and as the reference notebook writes it out, in `f64`.
//!
//! A real number `r` and its integer `q` belong together by `r = S · (q - Z)`, with a scale `S` and a zero point `Z` (Jacob
//! et al., arXiv 1712.05877, equation 1). [`QParams`] finds both from the least and the greatest value; [`Linear`] computes a
//! layer on integers; [`FixedPoint`] does without real numbers altogether. [`Hybrid`] exchanges one step after the other for
//! PyTorch's, and so tells why PyTorch's answer is sometimes another.
//!
//! ```
//! use digit8_core::quant::{Range, textbook::QParams};
//!
//! // Real numbers from -1 to 3 as integers of 7 bits, 0 to 127: a step is 4/127, and 0 falls on 31.75, so on 32.
//! let qparams = QParams::affine(Range { min: -1.0, max: 3.0 }, 7)?;
//! assert_eq!((qparams.scale, qparams.zero_point), (4.0 / 127.0, 32));
//! assert_eq!(qparams.quantize(0.5), 48);
//! assert!((qparams.dequantize(48) - 0.5).abs() <= qparams.scale / 2.0);
//! # Ok::<(), digit8_core::Error>(())
//! ```

mod causes;
mod fixed_point;
mod linear;

pub use causes::{Cause, Difference, Hybrid, differences};
pub use fixed_point::FixedPoint;
pub use linear::Linear;

use crate::quant::Range;
use crate::{Error, Result};

/// No scale is smaller, so that values which are all 0 have one too.
const EPSILON: f64 = f32::EPSILON as f64;

/// How real numbers become integers: `q = clamp(rint(r / S) + Z, qmin, qmax)`.
///
/// An `i16` holds every integer of 2 to 8 bits, signed or not, and the difference of two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QParams {
    /// `S`: what one step is worth.
    pub scale: f64,
    /// `Z`: the integer that stands for 0.
    pub zero_point: i16,
    /// The least integer.
    pub qmin: i16,
    /// The greatest integer.
    pub qmax: i16,
}

impl QParams {
    /// Symmetric: `Z = 0` and `S = max(|min|, |max|) / qmax`, with `qmax = 2^(bits-1) - 1` and `qmin = -qmax`.
    ///
    /// # Errors
    /// [`Error::Range`] if the range is not finite, [`Error::BitWidth`] if `bits` is not 2 to 8.
    pub fn symmetric(range: Range, bits: u32) -> Result<Self> {
        let qmax = (1 << (checked(bits)? - 1)) - 1;
        let Range { min, max } = range.checked("a tensor")?.with_zero();
        let magnitude = f64::from((-min).max(max));
        Ok(Self { scale: (magnitude / f64::from(qmax)).max(EPSILON), zero_point: 0, qmin: -qmax, qmax })
    }

    /// Affine, also called asymmetric: `S = (max - min) / qmax` and `Z = rint(-min / S)`, with `qmin = 0` and
    /// `qmax = 2^bits - 1`. The range is extended to hold 0.
    ///
    /// # Errors
    /// [`Error::Range`] if the range is not finite, [`Error::BitWidth`] if `bits` is not 2 to 8.
    pub fn affine(range: Range, bits: u32) -> Result<Self> {
        let qmax: i16 = (1 << checked(bits)?) - 1;
        let Range { min, max } = range.checked("a tensor")?.with_zero();
        let scale = ((f64::from(max) - f64::from(min)) / f64::from(qmax)).max(EPSILON);
        let zero_point = (-f64::from(min) / scale).round_ties_even() as i16;
        Ok(Self { scale, zero_point, qmin: 0, qmax })
    }

    /// The integer for a real number.
    pub fn quantize(&self, real: f64) -> i16 {
        let steps = (real / self.scale).round_ties_even() + f64::from(self.zero_point);
        steps.clamp(self.qmin.into(), self.qmax.into()) as i16
    }

    /// The real number that an integer stands for.
    pub fn dequantize(&self, q: i16) -> f64 {
        self.scale * f64::from(q - self.zero_point)
    }
}

fn checked(bits: u32) -> Result<u32> {
    if (2..=8).contains(&bits) { Ok(bits) } else { Err(Error::BitWidth(bits)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: Range = Range { min: -1.5, max: 4.0 };

    #[test]
    fn symmetric_puts_the_greatest_magnitude_on_the_last_integer() {
        for (bits, qmax) in [(2, 1), (3, 3), (7, 63), (8, 127)] {
            let qparams = QParams::symmetric(RANGE, bits).unwrap();
            let expected = QParams { scale: 4.0 / f64::from(qmax), zero_point: 0, qmin: -qmax, qmax };
            assert_eq!(qparams, expected);
            assert_eq!([-9.0, 0.0, 4.0, 9.0].map(|r| qparams.quantize(r)), [-qmax, 0, qmax, qmax]);
        }
    }

    #[test]
    fn affine_puts_both_ends_on_the_last_integers_and_0_on_one() {
        for bits in 2..=8 {
            let qparams = QParams::affine(RANGE, bits).unwrap();
            let qmax = (1 << bits) - 1;
            assert_eq!(
                [-1.5, 0.0, 4.0, 9.0].map(|r| qparams.quantize(r)),
                [0, qparams.zero_point, qmax, qmax]
            );
            assert_eq!(qparams.dequantize(qparams.zero_point), 0.0);
        }
        // A range on one side of 0 is extended to it.
        let qparams = QParams::affine(Range { min: 1.0, max: 3.0 }, 2).unwrap();
        assert_eq!((qparams.scale, qparams.zero_point), (1.0, 0));
    }

    #[test]
    fn no_value_of_the_range_moves_by_more_than_half_a_step() {
        for bits in 2..=8 {
            for qparams in [QParams::symmetric(RANGE, bits).unwrap(), QParams::affine(RANGE, bits).unwrap()] {
                for step in 0..=1000 {
                    let real = -1.5 + 5.5 * f64::from(step) / 1000.0;
                    let moved = (qparams.dequantize(qparams.quantize(real)) - real).abs();
                    // At the ends, rounding the zero point may cost another half.
                    let inside =
                        qparams.quantize(real) > qparams.qmin && qparams.quantize(real) < qparams.qmax;
                    let allowed = if inside { 0.5 } else { 1.0 };
                    assert!(moved <= (allowed + 1e-9) * qparams.scale, "{bits} bits, {real}: {moved}");
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_quantized_is_refused_and_zeros_can() {
        for bits in [0, 1, 9, 40] {
            assert!(matches!(QParams::affine(RANGE, bits), Err(Error::BitWidth(found)) if found == bits));
            assert!(QParams::symmetric(RANGE, bits).is_err());
        }
        for (min, max) in [(f32::NAN, 1.0), (0.0, f32::INFINITY), (1.0, -1.0)] {
            assert!(QParams::affine(Range { min, max }, 8).is_err());
            assert!(QParams::symmetric(Range { min, max }, 8).is_err());
        }
        let zeros = Range { min: 0.0, max: 0.0 };
        for qparams in [QParams::affine(zeros, 8).unwrap(), QParams::symmetric(zeros, 8).unwrap()] {
            assert_eq!((qparams.quantize(0.0), qparams.dequantize(0)), (0, 0.0));
        }
    }
}
