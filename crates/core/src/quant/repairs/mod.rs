//! Repairs: what makes up for an error of quantization without training the network again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

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
    fn names_are_read_as_they_are_written() {
        for (rounding, name, _) in Rounding::ALL {
            assert_eq!(name.parse::<Rounding>().unwrap(), rounding);
            assert_eq!(rounding.to_string(), name);
            assert_eq!(serde_json::to_string(&rounding).unwrap(), format!("\"{name}\""));
        }
        assert!("up".parse::<Rounding>().unwrap_err().to_string().contains("nearest, adaround, gptq"));
    }
}
