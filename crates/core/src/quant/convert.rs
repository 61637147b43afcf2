//! Conversion: the float network and what the observers saw become a network on integers.

use serde::{Deserialize, Serialize};

use crate::float::Mlp;
use crate::int8::{Activations, QuantizedMlp, Scheme};
use crate::quant::{Observations, Recipe, quantize_layer};
use crate::{Error, Result};

/// Whether a weight matrix has one scale, or one for each output channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Granularity {
    /// One scale for the whole matrix: the notebook's and PyTorch's x86 default with min-max observers.
    #[default]
    #[serde(rename = "tensor")]
    PerTensor,
    /// One scale for each output channel.
    #[serde(rename = "channel")]
    PerChannel,
}

/// How activations are to be quantized.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Calibration {
    /// Statically, ReLU on its own.
    Static(Observations),
    /// Statically, ReLU fused into the layer before it.
    Fused(Observations),
    /// Dynamically: from each batch's own range.
    Dynamic,
}

impl Calibration {
    /// The calibration of a scheme; `observe` is asked for the ranges if the scheme has any.
    ///
    /// # Errors
    /// Those of `observe`.
    pub fn of<E>(
        scheme: Scheme,
        observe: impl FnOnce() -> std::result::Result<Observations, E>,
    ) -> std::result::Result<Self, E> {
        Ok(match scheme {
            Scheme::Static => Self::Static(observe()?),
            Scheme::Fused => Self::Fused(observe()?),
            Scheme::Dynamic => Self::Dynamic,
        })
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::Static(_) => Scheme::Static,
            Self::Fused(_) => Scheme::Fused,
            Self::Dynamic => Scheme::Dynamic,
        }
    }

    /// What was observed, if the scheme has observers.
    pub fn observations(&self) -> Option<Observations> {
        match *self {
            Self::Static(seen) | Self::Fused(seen) => Some(seen),
            Self::Dynamic => None,
        }
    }
}

/// Quantizes a network as PyTorch does by default, given what the observers saw.
///
/// # Errors
/// [`Error::Range`](crate::Error::Range) if an observed range is not finite.
pub fn quantize(mlp: &Mlp, calibration: Calibration, granularity: Granularity) -> Result<QuantizedMlp> {
    let mut recipe = Recipe { scheme: calibration.scheme(), ..Recipe::default() };
    recipe.weights.granularity = granularity;
    convert(mlp, &recipe, calibration.observations().as_ref())
}

/// Quantizes a network, every weight to the nearest integer, given what the observers saw.
///
/// # Errors
/// [`Error::Range`] if an observed range or a weight is not finite; [`Error::Mismatch`] if the scheme needs observations and there are
/// none.
pub fn convert(mlp: &Mlp, recipe: &Recipe, seen: Option<&Observations>) -> Result<QuantizedMlp> {
    let layer = |index: usize| quantize_layer(index, &mlp.layers()[index], &recipe.weights, recipe.epsilon);
    QuantizedMlp::new([layer(0)?, layer(1)?, layer(2)?], activations(recipe, seen)?)
}

/// What turns activations into integers, given what the observers saw.
///
/// # Errors
/// Those of [`convert`].
pub fn activations(recipe: &Recipe, seen: Option<&Observations>) -> Result<Activations> {
    let seen = match (recipe.scheme, seen) {
        (Scheme::Dynamic, _) => return Ok(Activations::Dynamic),
        (_, Some(seen)) => seen,
        (scheme, None) => {
            return Err(Error::Mismatch(format!("the {scheme} scheme, and no ranges of activations")));
        }
    };
    let grid = recipe.activation_grid()?;
    let outputs = [
        grid.qparams("linear1", seen.linear1)?,
        grid.qparams("linear2", seen.linear2)?,
        grid.qparams("linear3", seen.linear3)?,
    ];
    Ok(Activations::Static {
        fused: recipe.scheme == Scheme::Fused,
        input: grid.qparams("quant", seen.quant)?,
        outputs,
    })
}
