//! Conversion: the float network and what the observers saw become a network on integers.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::float::{Linear, Mlp};
use crate::int8::{Activations, QuantizedLinear, QuantizedMlp, Scheme};
use crate::quant::{Observations, QParams, Range, Scale, WeightScale};

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

impl Granularity {
    /// The name in files: `tensor` or `channel`.
    pub fn name(self) -> &'static str {
        match self {
            Granularity::PerTensor => "tensor",
            Granularity::PerChannel => "channel",
        }
    }

    /// The granularity of a name.
    pub fn named(name: &str) -> Option<Self> {
        [Granularity::PerTensor, Granularity::PerChannel].into_iter().find(|known| known.name() == name)
    }
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

    /// What was observed, if the scheme has observers.
    pub fn observations(&self) -> Option<Observations> {
        match *self {
            Self::Static(seen) | Self::Fused(seen) => Some(seen),
            Self::Dynamic => None,
        }
    }
}

/// Quantizes a network.
///
/// # Errors
/// [`Error::Range`](crate::Error::Range) if an observed range is not finite.
pub fn quantize(mlp: &Mlp, calibration: Calibration, granularity: Granularity) -> Result<QuantizedMlp> {
    let [linear1, linear2, linear3] = mlp.layers();
    let layers = [
        quantize_linear("linear1", linear1, granularity)?,
        quantize_linear("linear2", linear2, granularity)?,
        quantize_linear("linear3", linear3, granularity)?,
    ];
    let activations = match calibration {
        Calibration::Static(seen) => activations(&seen, false)?,
        Calibration::Fused(seen) => activations(&seen, true)?,
        Calibration::Dynamic => Activations::Dynamic,
    };
    QuantizedMlp::new(layers, activations)
}

fn activations(seen: &Observations, fused: bool) -> Result<Activations> {
    let outputs = [
        QParams::affine("linear1", seen.linear1)?,
        QParams::affine("linear2", seen.linear2)?,
        QParams::affine("linear3", seen.linear3)?,
    ];
    Ok(Activations::Static { fused, input: QParams::affine("quant", seen.quant)?, outputs })
}

fn quantize_linear(name: &str, linear: &Linear, granularity: Granularity) -> Result<QuantizedLinear> {
    let what = format!("{name}.weight");
    let weight_scale = match granularity {
        Granularity::PerTensor => WeightScale::PerTensor(Scale::symmetric(&what, Range::of(&linear.weight))?),
        Granularity::PerChannel => {
            let rows = linear.weight.rows().into_iter();
            WeightScale::PerChannel(
                rows.map(|row| Scale::symmetric(&what, Range::of(row))).collect::<Result<_>>()?,
            )
        }
    };
    let weight = Array2::from_shape_fn(linear.weight.dim(), |(row, column)| {
        weight_scale.of(row).quantize_weight(linear.weight[[row, column]])
    });
    Ok(QuantizedLinear { weight, weight_scale, bias: linear.bias.clone() })
}
