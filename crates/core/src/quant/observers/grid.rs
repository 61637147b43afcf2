use serde::{Deserialize, Serialize};

use crate::quant::{QParams, Range, Scale, ZeroPoint};
use crate::{Error, Result};

/// PyTorch's smallest scale of an observer: the distance from 1 to the next `f32`.
const EPSILON: f32 = f32::EPSILON;

/// The integers that a range of reals is spread over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// The integer for the least real: PyTorch's `quant_min`.
    pub min: i32,
    /// The integer for the greatest real: PyTorch's `quant_max`.
    pub max: i32,
    /// Where integers saturate. With PyTorch's `reduce_range` these are the type's ends, 0 and 255, while the range aims at
    /// 0..=127 (rule 4).
    pub limits: [i32; 2],
    /// Whether 0 has the integer in the middle, whatever the range; else it has the one where it happens to lie.
    pub symmetric: bool,
    /// The least scale.
    pub epsilon: f32,
}

impl Grid {
    /// PyTorch's activations on x86, seven bits of an unsigned byte (`reduce_range`), so that sums of products of pairs fit
    /// 16 bits on older CPUs: the range on 0..=127, saturating at 0 and 255.
    pub const REDUCED: Self = Self { min: 0, max: 127, limits: [0, 255], symmetric: false, epsilon: EPSILON };

    /// PyTorch's weights: symmetric on -128..=127.
    pub const WEIGHTS: Self =
        Self { min: -128, max: 127, limits: [-128, 127], symmetric: true, epsilon: EPSILON };

    /// Activations of 2 to 8 bits: the range on 0..=2^bits - 1, saturating there; [`REDUCED`](Self::REDUCED) for 7.
    ///
    /// # Errors
    /// [`Error::BitWidth`] for any other width.
    pub fn activations(bits: u32) -> Result<Self> {
        match bits {
            7 => Ok(Self::REDUCED),
            2..=8 => {
                let max = (1 << bits) - 1;
                Ok(Self { max, limits: [0, max], ..Self::REDUCED })
            }
            _ => Err(Error::BitWidth(bits)),
        }
    }

    /// Weights of 2 to 8 bits: symmetric on -2^(bits - 1)..=2^(bits - 1) - 1.
    ///
    /// # Errors
    /// [`Error::BitWidth`] for any other width.
    pub fn weights(bits: u32) -> Result<Self> {
        match bits {
            2..=8 => Ok(Self::signed(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)),
            _ => Err(Error::BitWidth(bits)),
        }
    }

    /// Weights on `min..=max`: ternary ones have -1..=1.
    pub const fn signed(min: i32, max: i32) -> Self {
        Self { min, max, limits: [min, max], ..Self::WEIGHTS }
    }

    /// The scale and zero point of activations whose values of interest lie in `range` (rule 2; the grid's integers are
    /// unsigned).
    ///
    /// Affine: `scale = max((max - min) / (qmax - qmin), ε)`, `zero_point = clamp(qmin - rint(min / scale), qmin, qmax)`.
    /// Symmetric: the scale of [`scale`](Self::scale), and the upper one of the two middle integers, which is PyTorch's 128
    /// at eight bits.
    ///
    /// # Errors
    /// [`Error::Range`] if the range is not finite; it says that of `what`.
    pub fn qparams(&self, what: &str, range: Range) -> Result<QParams> {
        if self.symmetric {
            let zero_point = ZeroPoint(((self.min + self.max + 1) / 2) as u8);
            return Ok(QParams { scale: self.scale(what, range)?, zero_point, max: self.limits[1] as u8 });
        }
        let Range { min, max } = range.checked(what)?.with_zero();
        let (qmin, qmax) = (self.min as f32, self.max as f32);
        let scale = ((max - min) / (qmax - qmin)).max(self.epsilon);
        if !scale.is_finite() {
            return Err(Error::range(what, min, max));
        }
        let zero_point = (qmin - (min / scale).round_ties_even()).clamp(qmin, qmax);
        Ok(QParams {
            scale: Scale::new(scale)?,
            zero_point: ZeroPoint(zero_point as u8),
            max: self.limits[1] as u8,
        })
    }

    /// The scale that puts 0 in the middle (rule 3): `max(-min, max) / ((qmax - qmin) / 2)`, at least ε.
    ///
    /// # Errors
    /// [`Error::Range`] if the range is not finite; it says that of `what`.
    pub fn scale(&self, what: &str, range: Range) -> Result<Scale> {
        let Range { min, max } = range.checked(what)?.with_zero();
        let half_width = (self.max - self.min) as f32 / 2.0;
        Scale::new(((-min).max(max) / half_width).max(self.epsilon))
    }

    /// The integer for a weight (rule 4, zero point 0): `clamp(rint(w · (1/scale)), least, most)`.
    pub fn quantize_weight(&self, w: f32, scale: Scale) -> i8 {
        let [least, most] = self.limits;
        ((w * scale.get().recip()).round_ties_even() as i32).clamp(least, most) as i8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_have_their_integers() {
        let ends = |grid: Grid| (grid.min, grid.max, grid.limits);
        assert_eq!(ends(Grid::activations(8).unwrap()), (0, 255, [0, 255]));
        assert_eq!(ends(Grid::activations(7).unwrap()), (0, 127, [0, 255]));
        assert_eq!(ends(Grid::activations(4).unwrap()), (0, 15, [0, 15]));
        assert_eq!(ends(Grid::weights(2).unwrap()), (-2, 1, [-2, 1]));
        assert_eq!(Grid::weights(8).unwrap(), Grid::WEIGHTS);
        for bits in [0, 1, 9, u32::MAX] {
            assert!(Grid::activations(bits).is_err() && Grid::weights(bits).is_err());
        }
    }

    #[test]
    fn four_bits_by_hand() {
        // -3..=12 is 15 wide, so steps are 1 wide and 0 has the integer 3.
        let grid = Grid::activations(4).unwrap();
        let qparams = grid.qparams("x", Range { min: -3.0, max: 12.0 }).unwrap();
        assert_eq!((qparams.scale.get(), qparams.zero_point.0), (1.0, 3));
        // Symmetric: 12 over 7.5 steps, 0 in the middle.
        let symmetric = Grid { symmetric: true, ..grid };
        let qparams = symmetric.qparams("x", Range { min: -3.0, max: 12.0 }).unwrap();
        assert_eq!((qparams.scale.get(), qparams.zero_point.0), (1.6, 8));
    }

    #[test]
    fn ternary_weights_by_hand() {
        let grid = Grid::signed(-1, 1);
        let scale = grid.scale("w", Range { min: -0.5, max: 0.25 }).unwrap();
        assert_eq!(scale.get(), 0.5);
        assert_eq!([-9.0, -0.3, -0.2, 0.25, 0.26].map(|w| grid.quantize_weight(w, scale)), [-1, -1, 0, 0, 1]);
    }
}
