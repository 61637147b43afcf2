//! How wide a weight is: eight bits to two, three values, or two.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::quant::Grid;
use crate::{Error, Result};

/// The width of a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// That many bits, 2 to 8: whole numbers from `-2^(bits - 1)` to `2^(bits - 1) - 1`.
    Bits(u8),
    /// -1, 0 and 1. Five of them make a byte, because 3⁵ = 243.
    Ternary,
    /// -1 and 1 (Rastegari et al. 2016, arXiv 1603.05279).
    Binary,
}

impl Width {
    /// Every width, from the widest to the narrowest.
    pub const ALL: [Self; 9] = [
        Self::Bits(8),
        Self::Bits(7),
        Self::Bits(6),
        Self::Bits(5),
        Self::Bits(4),
        Self::Bits(3),
        Self::Bits(2),
        Self::Ternary,
        Self::Binary,
    ];

    /// That many bits.
    ///
    /// # Errors
    /// [`Error::BitWidth`] if they are not 2 to 8.
    pub fn bits(bits: u32) -> Result<Self> {
        match bits {
            2..=8 => Ok(Self::Bits(bits as u8)),
            _ => Err(Error::BitWidth(bits)),
        }
    }

    /// The least and the greatest integer.
    pub fn ends(self) -> (i8, i8) {
        match self {
            Self::Bits(bits) => {
                let half = 1i16 << (bits - 1);
                (-half as i8, (half - 1) as i8)
            }
            Self::Ternary | Self::Binary => (-1, 1),
        }
    }

    /// The integers that a range of weights is spread over; of binary weights, the ends alone.
    pub fn grid(self, epsilon: f32) -> Grid {
        let (least, greatest) = self.ends();
        Grid { epsilon, ..Grid::signed(least.into(), greatest.into()) }
    }

    /// The integer nearest to a weight that is that many steps (rule 4): half to even, and between the ends.
    pub fn nearest(self, steps: f32) -> f32 {
        if self == Self::Binary {
            return if steps < 0.0 { -1.0 } else { 1.0 };
        }
        let (least, greatest) = self.ends();
        // Rounds half to even below 2²²: an addition, where a call would cost five times all the rest.
        const ROUND: f32 = 12_582_912.0;
        let clamped = if steps < f32::from(least) { f32::from(least) } else { steps };
        let clamped = if clamped > f32::from(greatest) { f32::from(greatest) } else { clamped };
        (clamped + ROUND) - ROUND
    }

    /// How many integers there are: a power of two from 256 to 4, or 3, or 2.
    pub fn levels(self) -> u32 {
        match self {
            Self::Bits(bits) => 1 << bits,
            Self::Ternary => 3,
            Self::Binary => 2,
        }
    }

    /// The width that has so many integers.
    pub fn with_levels(levels: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|width| width.levels() == levels)
    }

    /// Whether there is such a weight.
    pub fn holds(self, weight: i8) -> bool {
        let (least, greatest) = self.ends();
        (least..=greatest).contains(&weight) && !(self == Self::Binary && weight == 0)
    }

    /// The bytes that `count` weights take, packed.
    pub fn bytes(self, count: usize) -> usize {
        match self {
            Self::Bits(bits) => (count * usize::from(bits)).div_ceil(8),
            Self::Ternary => count.div_ceil(5),
            Self::Binary => count.div_ceil(8),
        }
    }
}

impl Default for Width {
    fn default() -> Self {
        Self::Bits(8)
    }
}

impl fmt::Display for Width {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Bits(bits) => bits.fmt(f),
            Self::Ternary => f.write_str("ternary"),
            Self::Binary => f.write_str("binary"),
        }
    }
}

impl FromStr for Width {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "ternary" => Ok(Self::Ternary),
            "binary" => Ok(Self::Binary),
            _ => match text.parse() {
                Ok(bits) => Self::bits(bits),
                Err(_) => Err(Error::Recipe(format!(
                    "weights of '{text}' bits, expected 2 to 8, ternary or binary"
                ))),
            },
        }
    }
}

/// Bits are a number, other widths their name.
impl Serialize for Width {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Bits(bits) => serializer.serialize_u8(*bits),
            other => serializer.collect_str(other),
        }
    }
}

impl<'de> Deserialize<'de> for Width {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected 2 to 8, \"ternary\" or \"binary\" as the width of weights")]
        enum Form {
            Number(u32),
            Name(String),
        }
        match Form::deserialize(deserializer)? {
            Form::Number(bits) => Self::bits(bits),
            Form::Name(name) => name.parse(),
        }
        .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_has_its_integers_and_its_bytes() {
        assert_eq!(Width::Bits(8).ends(), (-128, 127));
        assert_eq!(Width::Bits(2).ends(), (-2, 1));
        assert_eq!(Width::Ternary.ends(), (-1, 1));
        assert!(Width::Ternary.holds(0) && !Width::Binary.holds(0) && !Width::Bits(3).holds(4));
        let bytes = |text: &str| text.parse::<Width>().unwrap().bytes(1001);
        assert_eq!(["8", "3", "2", "ternary", "binary"].map(bytes), [1001, 376, 251, 201, 126]);
    }

    #[test]
    fn weights_become_the_nearest_integer() {
        let nearest =
            |width: Width| [-9.0, -1.5, -0.5, -0.0, 0.4, 0.5, 1.5, 2.5, 200.0].map(|x| width.nearest(x));
        assert_eq!(nearest(Width::Bits(8)), [-9.0, -2.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0, 127.0]);
        assert_eq!(nearest(Width::Bits(2)), [-2.0, -2.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        assert_eq!(nearest(Width::Ternary), [-1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        assert_eq!(nearest(Width::Binary), [-1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn widths_are_read_as_they_are_written() {
        for width in Width::ALL {
            assert_eq!(width.to_string().parse::<Width>().unwrap(), width);
            assert_eq!(Width::with_levels(width.levels()), Some(width));
            let json = serde_json::to_string(&width).unwrap();
            assert_eq!(serde_json::from_str::<Width>(&json).unwrap(), width);
        }
        for text in ["1", "9", "0", "4294967295"] {
            let error = text.parse::<Width>().unwrap_err().to_string();
            assert!(error.contains(&format!("{text} bits, expected 2 to 8")), "{error}");
            assert!(serde_json::from_str::<Width>(text).is_err());
        }
        assert!("three".parse::<Width>().unwrap_err().to_string().contains("ternary or binary"));
        assert!(serde_json::from_str::<Width>("[]").unwrap_err().to_string().contains("expected 2 to 8"));
    }
}
