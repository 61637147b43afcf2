use crate::{Error, Result};

/// A real multiplier below 1 as an integer and a shift, so that a machine without real numbers can requantize:
/// `M = M0 · 2^-shift` with `M0` from 0.5 to 1, kept in steps of 2^-31 (arXiv 1712.05877, equation 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedPoint {
    /// `M0 · 2^31`: the greatest precision that 32 bits can hold, as its highest bit but one is set.
    pub multiplier: i32,
    /// The bits to shift to the right.
    pub shift: u32,
}

impl FixedPoint {
    /// The nearest to a real multiplier.
    ///
    /// # Errors
    /// [`Error::Multiplier`] if it is not above 0 and below 1.
    pub fn new(real: f64) -> Result<Self> {
        if !(real > 0.0 && real < 1.0) {
            return Err(Error::Multiplier(real.to_string()));
        }
        let (mut mantissa, mut shift) = (real, 0);
        while mantissa < 0.5 {
            mantissa *= 2.0;
            shift += 1;
        }
        match (mantissa * f64::from(1u32 << 31)).round() as u32 {
            // Rounded up to 1: that is 0.5 with one bit less to shift.
            0x8000_0000 if shift > 0 => Ok(Self { multiplier: 1 << 30, shift: shift - 1 }),
            multiplier => Ok(Self { multiplier: multiplier.min(i32::MAX as u32) as i32, shift }),
        }
    }

    /// `rint(M · x)`, but for how halves are rounded, as gemmlowp computes it: the high half of the doubled product, rounded
    /// to the nearest, then the shift, rounded to the nearest. Rounding twice moves a result by one now and then.
    pub fn multiply(self, x: i32) -> i32 {
        // Halves upwards, as ARM's SQRDMULH does in one instruction.
        let high = (i64::from(x) * i64::from(self.multiplier) + (1 << 30)) >> 31;
        // Halves away from 0. What is shifted by more than its bits is 0.
        let shift = self.shift.min(62);
        let half = (1 << shift) >> 1;
        (((high.abs() + half) >> shift) * high.signum()) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_multiplier_fills_its_bits() {
        assert_eq!(FixedPoint::new(0.5).unwrap(), FixedPoint { multiplier: 1 << 30, shift: 0 });
        assert_eq!(FixedPoint::new(0.75).unwrap(), FixedPoint { multiplier: 3 << 29, shift: 0 });
        assert_eq!(FixedPoint::new(0.09375).unwrap(), FixedPoint { multiplier: 3 << 29, shift: 3 });
        // What rounds up to the next power of two.
        let below = 0.25 - 1e-12;
        assert_eq!(FixedPoint::new(below).unwrap(), FixedPoint { multiplier: 1 << 30, shift: 1 });
        assert_eq!(FixedPoint::new(1.0 - 1e-12).unwrap(), FixedPoint { multiplier: i32::MAX, shift: 0 });
        for real in [1.7e-4, 0.0123, 0.3, 0.9999] {
            let FixedPoint { multiplier, shift } = FixedPoint::new(real).unwrap();
            assert!(multiplier >= 1 << 30);
            let kept = f64::from(multiplier) * 2f64.powi(-31 - shift as i32);
            assert!((kept / real - 1.0).abs() <= 2f64.powi(-31), "{real}: {kept}");
        }
        for wrong in [0.0, -0.5, 1.0, 7.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(FixedPoint::new(wrong), Err(Error::Multiplier(_))), "{wrong}");
        }
    }

    #[test]
    fn products_are_rounded_as_gemmlowp_rounds_them() {
        let half = FixedPoint::new(0.5).unwrap();
        // The first rounding takes halves upwards, the second one away from 0.
        assert_eq!([3, -3, 4, -4].map(|x| half.multiply(x)), [2, -1, 2, -2]);
        let sixteenth = FixedPoint { multiplier: 1 << 30, shift: 3 };
        assert_eq!([24, -24, 23, -25, 40].map(|x| sixteenth.multiply(x)), [2, -2, 2, -2, 3]);
        // 7/16 is below a half, but 7/2 becomes 4, and 4/8 becomes 1.
        assert_eq!(sixteenth.multiply(7), 1);
    }

    #[test]
    fn products_are_within_one_of_the_real_ones() {
        for real in [1e-40, 1e-9, 1.7e-4, 0.0123, 0.3, 0.9999] {
            let fixed = FixedPoint::new(real).unwrap();
            for x in (-1000..1000).map(|x| x * 7919).chain([i32::MIN, i32::MAX, 0]) {
                let exact = real * f64::from(x);
                let found = f64::from(fixed.multiply(x));
                assert!((found - exact).abs() <= 1.0, "{real} · {x}: {found}");
            }
        }
    }
}
