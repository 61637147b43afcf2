use std::fmt;
use std::str::FromStr;

use digit8_kernels::int8::{Dequantize, Output, Requantize};
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use crate::float::{check_finite, check_shapes};
use crate::quant::{Granularity, QParams, WeightScale, Width};
use crate::{Error, Result};

/// How a network is quantized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Activations by calibration; ReLU is a step of its own.
    #[default]
    Static,
    /// Activations by calibration; ReLU is the lower clamp of the layer before it.
    Fused,
    /// Activations by each batch's own range.
    Dynamic,
}

impl Scheme {
    /// All schemes.
    pub const ALL: [Scheme; 3] = [Scheme::Static, Scheme::Fused, Scheme::Dynamic];

    /// The name in commands, files and URLs.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Static => "static",
            Scheme::Fused => "fused",
            Scheme::Dynamic => "dynamic",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Scheme {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = Scheme::ALL.into_iter().find(|scheme| scheme.name() == name);
        // Not by `{:?}`, which knows all of Unicode: a tenth of the page's module.
        known.ok_or_else(|| Error::model(|| format!("scheme \"{name}\", expected static, fused or dynamic")))
    }
}

/// A linear layer on integers. The bias stays real, as PyTorch keeps it (rule 6).
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedLinear {
    /// `[outputs, inputs]`, zero point 0.
    pub weight: Array2<i8>,
    /// How wide the weights are: they are packed so in a file.
    pub width: Width,
    /// What one step of the weights is worth.
    pub weight_scale: WeightScale,
    /// `[outputs]`.
    pub bias: Array1<f32>,
}

/// What turns activations into integers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activations {
    /// Scales and zero points fixed by calibration.
    Static {
        /// Whether ReLU is the lower clamp of the layer before it.
        fused: bool,
        /// Of the normalised pixels.
        input: QParams,
        /// Of the three layers' outputs.
        outputs: [QParams; 3],
    },
    /// Scales and zero points derived from each batch.
    Dynamic,
}

/// The quantized network.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedMlp {
    layers: [QuantizedLinear; 3],
    activations: Activations,
}

impl QuantizedMlp {
    /// A network of these layers.
    ///
    /// # Errors
    /// [`Error::Model`] if the shapes do not follow each other from 784 to 10, a bias is not finite, a weight is wider than its
    /// layer's, or scales are missing.
    pub fn new(layers: [QuantizedLinear; 3], activations: Activations) -> Result<Self> {
        check_shapes(&layers.each_ref().map(|layer| (layer.weight.dim(), layer.bias.len())))?;
        for (number, layer) in (1..).zip(&layers) {
            check_finite(&format!("linear{number}.bias"), layer.bias.iter())?;
            if let Some(weight) = layer.weight.iter().find(|&&weight| !layer.width.holds(weight)) {
                let width = layer.width;
                return Err(Error::model(|| {
                    format!(
                        "linear{number} has a weight of {weight}, which its width, {width}, does not have"
                    )
                }));
            }
            let (outputs, _) = layer.weight.dim();
            if let WeightScale::PerChannel(scales) = &layer.weight_scale
                && scales.len() != outputs
            {
                let found = scales.len();
                return Err(Error::model(|| {
                    format!("linear{number} has {found} weight scales, expected {outputs}")
                }));
            }
        }
        Ok(Self { layers, activations })
    }

    /// The three layers.
    pub fn layers(&self) -> &[QuantizedLinear; 3] {
        &self.layers
    }

    /// What turns activations into integers.
    pub fn activations(&self) -> &Activations {
        &self.activations
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        match self.activations {
            Activations::Static { fused: false, .. } => Scheme::Static,
            Activations::Static { fused: true, .. } => Scheme::Fused,
            Activations::Dynamic => Scheme::Dynamic,
        }
    }

    /// Whether the first layer's weights have one scale, or one for each output channel.
    pub fn granularity(&self) -> Granularity {
        self.layers[0].weight_scale.granularity()
    }

    /// The bytes that the weights take, packed.
    pub fn weight_bytes(&self) -> usize {
        self.layers.iter().map(|layer| layer.width.bytes(layer.weight.len())).sum()
    }

    /// The sizes of the two hidden layers.
    pub fn hidden(&self) -> [usize; 2] {
        [self.layers[0].bias.len(), self.layers[1].bias.len()]
    }
}

impl QuantizedLinear {
    /// The output stage of this layer in a static network (rule 6), with `input` and `output` the parameters of its
    /// activations. `relu` clamps at the zero point.
    pub fn requantization(&self, input: QParams, output: QParams, relu: bool) -> Requantize {
        let products: Vec<f32> =
            (0..self.bias.len()).map(|row| input.scale.get() * self.weight_scale.of(row).get()).collect();
        let multiplier: Vec<f32> = products.iter().map(|product| product / output.scale.get()).collect();
        let (addend, factor): (Vec<f32>, f32) = match &self.weight_scale {
            WeightScale::PerTensor(scale) => (self.bias.to_vec(), (input.scale.get() * scale.get()).recip()),
            WeightScale::PerChannel(_) => {
                (self.bias.iter().zip(products).map(|(bias, product)| bias / product).collect(), 1.0)
            }
        };
        let zero_point = output.zero_point.0;
        let min = if relu { zero_point } else { 0 };
        Requantize::new(&addend, factor, &multiplier, Output { zero_point, min, max: output.max })
    }

    /// The output stage of this layer in a dynamic network (rule 8).
    pub fn dequantization(&self, relu: bool) -> Dequantize {
        let weight_scale: Vec<f32> =
            (0..self.bias.len()).map(|row| self.weight_scale.of(row).get()).collect();
        Dequantize::new(&weight_scale, &self.bias.to_vec(), relu)
    }
}
