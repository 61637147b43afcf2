//! A recipe says how a network is quantized: the same value in commands, in the page's address, in a model's file and in reports.
//!
//! It is written as JSON, or in one line ([`text`](PARTS)): `scheme=fused/weight-bits=4,8,8/per-channel/equalize`. What is not
//! mentioned is as PyTorch has it by default, in the reference notebook's eager mode.

mod named;
mod text;

use serde::{Deserialize, Serialize};

pub use named::{NAMED, Named};
pub use text::{PARTS, Part};

use crate::int8::Scheme;
use crate::quant::{Granularity, Grid, ObserverKind, Rounding, Width};
use crate::{Error, Result};

/// How a network is quantized.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Recipe {
    /// What turns activations into integers, and whether ReLU is fused.
    pub scheme: Scheme,
    /// The weights.
    pub weights: Weights,
    /// The activations.
    pub activations: Activations,
    /// The least scale there is, of weights and activations: PyTorch's `eps`.
    pub epsilon: Epsilon,
    /// The digits that observers watch.
    pub calibration: Calibration,
    /// What is mended without training.
    pub repairs: Repairs,
    /// Training with the quantized weights in view.
    pub retraining: Retraining,
}

/// The weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Weights {
    /// The width of each layer's.
    pub bits: [Width; 3],
    /// Whether a matrix has one scale, or one for each output channel.
    pub granularity: Granularity,
    /// The range that the integers cover, of a matrix or of a channel: chosen as an observer chooses that of activations.
    pub range: ObserverKind,
}

/// The activations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Activations {
    /// Their bits, 2 to 8. Seven are PyTorch's `reduce_range`: 0..=127 is aimed at, and what lies above is kept up to 255
    /// (rule 4).
    pub bits: u32,
    /// Whether 0 has the integer in the middle.
    pub symmetric: bool,
    /// What chooses the range of a tensor.
    pub observer: ObserverKind,
}

impl Default for Activations {
    fn default() -> Self {
        Self { bits: 7, symmetric: false, observer: ObserverKind::default() }
    }
}

/// The digits that observers watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Calibration {
    /// The part of the dataset that they are from. The reference notebook takes the test digits.
    pub set: Set,
    /// How many: the first ones; all if it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digits: Option<usize>,
    /// Digits in a batch.
    pub batch: usize,
}

impl Default for Calibration {
    fn default() -> Self {
        Self { set: Set::Test, digits: None, batch: 10 }
    }
}

/// A part of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Set {
    /// The digits that networks learn from.
    Train,
    /// The digits that networks are judged by.
    Test,
}

/// What is mended without training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Repairs {
    /// Scales are moved from layer to layer, so that the channels of a layer become alike.
    pub equalize: bool,
    /// The mean error of each output, as calibration digits have it, is taken off its bias.
    pub correct_bias: bool,
    /// How a weight between two integers chooses one.
    pub rounding: Rounding,
}

/// Training with the quantized weights in view: forwards with what the integers stand for, gradients straight through.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Retraining {
    /// Times that every digit is seen; 0 for no retraining.
    pub epochs: usize,
    /// How many training digits: the first ones; all if it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digits: Option<usize>,
    /// Digits in a batch.
    pub batch: usize,
    /// Adam's learning rate at the start; it falls to 0 along half a cosine.
    pub learning_rate: f32,
    /// Where the order of the digits starts from.
    pub seed: u32,
}

impl Default for Retraining {
    fn default() -> Self {
        Self { epochs: 0, digits: None, batch: 32, learning_rate: 0.001, seed: 0 }
    }
}

/// The least scale there is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epsilon(pub f32);

impl Default for Epsilon {
    /// The distance from 1 to the next `f32`, 2⁻²³.
    fn default() -> Self {
        Self(f32::EPSILON)
    }
}

impl Recipe {
    /// The recipe in a JSON object, whose missing parts are as by default.
    ///
    /// # Errors
    /// [`Error::Recipe`] if it is none.
    pub fn from_json(json: &str) -> Result<Self> {
        let recipe: Self = serde_json::from_str(json).map_err(|error| Error::Recipe(error.to_string()))?;
        recipe.check()?;
        Ok(recipe)
    }

    /// Checks that there can be such a network.
    ///
    /// # Errors
    /// [`Error::BitWidth`] or [`Error::Recipe`], saying which part is not usable.
    pub fn check(&self) -> Result<()> {
        let refuse = |what: String| Err(Error::Recipe(what));
        let Activations { bits, symmetric, .. } = self.activations;
        if !(2..=8).contains(&bits) {
            return refuse(format!("activations of {bits} bits, expected 2 to 8"));
        }
        if self.scheme == Scheme::Dynamic && (symmetric || bits != 7) {
            return refuse("the dynamic scheme has PyTorch's activations alone: affine, of 7 bits".into());
        }
        let Epsilon(epsilon) = self.epsilon;
        if !(epsilon > 0.0 && epsilon <= 1.0 && epsilon.recip().is_finite()) {
            return refuse(format!("an epsilon of {epsilon}, expected a number above 0, and 1 at most"));
        }
        for (what, digits, batch) in [
            ("calibration", self.calibration.digits, self.calibration.batch),
            ("retraining", self.retraining.digits, self.retraining.batch),
        ] {
            if digits == Some(0) || batch == 0 {
                return refuse(format!("{what} with no digits or batches of none, expected at least 1"));
            }
        }
        let Retraining { epochs, learning_rate, .. } = self.retraining;
        if epochs > 1000 {
            return refuse(format!("{epochs} epochs of retraining, expected 1000 at most"));
        }
        if !(learning_rate > 0.0 && learning_rate <= 1.0) {
            return refuse(format!(
                "a learning rate of {learning_rate}, expected a number above 0, and 1 at most"
            ));
        }
        Ok(())
    }

    /// The integers of activations.
    ///
    /// # Errors
    /// [`Error::BitWidth`] if they do not come in so many bits.
    pub fn activation_grid(&self) -> Result<Grid> {
        let Activations { bits, symmetric, .. } = self.activations;
        Ok(Grid { symmetric, epsilon: self.epsilon.0, ..Grid::activations(bits)? })
    }

    /// Whether digits are looked at before the network runs: by observers, or by repairs.
    pub fn calibrates(&self) -> bool {
        self.scheme != Scheme::Dynamic
            || self.repairs.correct_bias
            || self.repairs.rounding != Rounding::Nearest
    }

    /// The bytes that the weights of `784-h1-h2-10` take, packed.
    pub fn weight_bytes(&self, hidden: [usize; 2]) -> usize {
        use crate::digits::{CLASSES, PIXELS};
        let [h1, h2] = hidden;
        let counts = [PIXELS * h1, h1 * h2, h2 * CLASSES];
        self.weights.bits.iter().zip(counts).map(|(width, count)| width.bytes(count)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_with_parts_left_out_is_filled_with_defaults() {
        assert_eq!(Recipe::from_json("{}").unwrap(), Recipe::default());
        let json = r#"{"scheme": "fused", "weights": {"bits": [4, "ternary", 8], "granularity": "channel"},
                       "retraining": {"epochs": 2}}"#;
        let recipe = Recipe::from_json(json).unwrap();
        assert_eq!(recipe.weights.bits, [Width::Bits(4), Width::Ternary, Width::Bits(8)]);
        assert_eq!(recipe.to_string(), "scheme=fused/weight-bits=4,ternary,8/per-channel/retrain=2");
        assert_eq!(Recipe::from_json(&serde_json::to_string(&recipe).unwrap()).unwrap(), recipe);
    }

    #[test]
    fn what_cannot_be_is_said() {
        let message = |json: &str| Recipe::from_json(json).unwrap_err().to_string();
        assert!(message(r#"{"weights": {"bits": [8, 8, 9]}}"#).contains("9 bits, expected 2 to 8"));
        assert!(
            message(r#"{"activations": {"bits": 1}}"#).contains("activations of 1 bits, expected 2 to 8")
        );
        assert!(message(r#"{"weight": {}}"#).contains("unknown field `weight`"));
        assert!(message(r#"{"calibration": {"digits": 0}}"#).contains("calibration with no digits"));
        assert!(message(r#"{"retraining": {"batch": 0}}"#).contains("retraining with no digits"));
        assert!(message(r#"{"retraining": {"learningRate": 0}}"#).contains("a learning rate of 0"));
        assert!(message(r#"{"retraining": {"epochs": 1001}}"#).contains("1001 epochs"));
        assert!(message(r#"{"epsilon": 0}"#).contains("an epsilon of 0"));
        assert!(message(r#"{"epsilon": 1e-45}"#).contains("an epsilon of"));
        assert!(
            message(r#"{"scheme": "dynamic", "activations": {"symmetric": true}}"#)
                .contains("affine, of 7 bits")
        );
        assert!(message(r#"{"scheme": "fast"}"#).contains("fast"));
        assert!(message("").contains("not a recipe"));
    }

    #[test]
    fn weights_are_counted_packed() {
        let recipe: Recipe = "weight-bits=4,2,8".parse().unwrap();
        assert_eq!(recipe.weight_bytes([100, 100]), 39_200 + 2_500 + 1_000);
    }
}
