//! Repairs: what makes up for an error of quantization without training the network again.
//!
//! They go in this order, a layer at a time from the first to the last, each layer seeing what the ones before it really put out:
//! [`equalize`] the float network; find scales; round ([`gptq`] or [`adaround`], with [`Moments`] of the layer's inputs);
//! [`corrected_bias`], which both roundings count on, since they leave the mean of the inputs to it.
//!
//! Every sum has one order and every function is the same on all platforms, so that a recipe gives the same integers natively and in
//! a browser, if the inputs have the same bits.

use std::fmt;
use std::str::FromStr;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

mod adaround;
mod bias;
mod equalize;
mod gptq;
mod hessian;
mod moments;

pub use adaround::adaround;
pub use bias::corrected_bias;
pub use equalize::equalize;
pub use gptq::gptq;
pub use hessian::Hessian;
pub use moments::Moments;

/// The integers that a weight can become: all of `least..=most`, or all but 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    /// The least.
    pub least: i8,
    /// The greatest.
    pub most: i8,
    /// Whether 0 is one of them; binary weights are -1 and 1 alone.
    pub zero: bool,
}

impl Levels {
    /// Those of 2 to 8 bits (`i8`'s, for more).
    pub fn bits(bits: u32) -> Self {
        let half = 1i16 << (bits.clamp(1, 8) - 1);
        Self { least: (-half) as i8, most: (half - 1) as i8, zero: true }
    }

    /// The one nearest to a number of steps (half to even, where there is a 0 between).
    pub fn nearest(self, steps: f64) -> i8 {
        let integer = steps.round_ties_even().clamp(self.least.into(), self.most.into()) as i8;
        match integer {
            0 if !self.zero => {
                if steps < 0.0 {
                    -1
                } else {
                    1
                }
            }
            _ => integer,
        }
    }
}

/// Weights that were rounded.
#[derive(Clone, Debug, PartialEq)]
pub struct Rounded {
    /// `[outputs, inputs]`.
    pub integers: Array2<i8>,
    /// The width of a step, of each row.
    pub scales: Vec<f32>,
}

/// Tells a listener how much is done, and whether to go on.
fn go_on(report: &mut dyn FnMut(f64) -> bool, share: f64) -> Result<()> {
    if report(share) { Ok(()) } else { Err(Error::Stopped) }
}

/// How a weight between two integers chooses one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rounding {
    /// The nearest one, each weight for itself, as PyTorch does.
    #[default]
    Nearest,
    /// The one that together with all others changes the layer's output least, learned on calibration digits.
    AdaRound,
    /// One input after another, the weights still to come making up for the error made so far.
    Gptq,
}

impl Rounding {
    /// Each with its name and what it does, in two sentences.
    pub const ALL: [(Self, &str, &str); 3] = [
        (
            Self::Nearest,
            "nearest",
            "Every weight becomes the nearest integer, as PyTorch has it. Errors of a row may add up.",
        ),
        (
            Self::AdaRound,
            "adaround",
            "Every weight learns whether to go up or down, so that the layer's output on calibration digits changes least \
             (Nagel et al. 2020). Takes the longest.",
        ),
        (
            Self::Gptq,
            "gptq",
            "Weights are rounded one input after another, and those still to come make up for the error so far \
             (Frantar et al. 2022). Needs calibration digits and a second or so.",
        ),
    ];
}

impl fmt::Display for Rounding {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let name = Self::ALL.iter().find(|(rounding, ..)| rounding == self).map_or("", |(_, name, _)| name);
        f.write_str(name)
    }
}

impl FromStr for Rounding {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.iter().find(|(_, name, _)| *name == text).map(|&(rounding, ..)| rounding).ok_or_else(|| {
            let names = Self::ALL.map(|(_, name, _)| name).join(", ");
            Error::Recipe(format!("a rounding '{text}', expected one of {names}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_levels() {
        let all = |levels: Levels| [-9.0, -1.5, -0.4, 0.0, 0.5, 1.5, 9.0].map(|steps| levels.nearest(steps));
        assert_eq!(all(Levels::bits(2)), [-2, -2, 0, 0, 0, 1, 1]);
        assert_eq!(all(Levels { least: -1, most: 1, zero: false }), [-1, -1, -1, 1, 1, 1, 1]);
        assert_eq!(Levels::bits(8), Levels { least: -128, most: 127, zero: true });
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for (rounding, name, _) in Rounding::ALL {
            assert_eq!(name.parse::<Rounding>().unwrap(), rounding);
            assert_eq!(rounding.to_string(), name);
            assert_eq!(serde_json::to_string(&rounding).unwrap(), format!("\"{name}\""));
        }
        assert!("up".parse::<Rounding>().unwrap_err().to_string().contains("nearest, adaround, gptq"));
    }
}
