//! The network as it is understood, node by node: a scaling of the pixels, then three times a linear layer and ReLU.

use digit8_core::digits::{CLASSES, PIXELS};
use digit8_core::file::Model;
use digit8_core::float::{Linear, Mlp};
use digit8_core::int8::{Activations, QuantizedLinear, QuantizedMlp};
use digit8_core::quant::{QParams, Scale, WeightScale, Width, ZeroPoint};
use ndarray::{Array1, Array2};

use super::Imported;
use super::constant::Constant;
use crate::evaluate::{attribute, check_domain, refuse};
use crate::proto::Node;
use crate::tensor::{Tensor, Values};
use crate::{Error, Result};

/// What a network takes for a pixel of value `p`, 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    /// `(p / 255 - 0.1307) / 0.3081`, as digit8 and the notebook do.
    Normalized,
    /// `p / 255`, as Keras' examples do.
    Unit,
    /// `p` itself.
    Pixels,
}

const MEAN: f64 = 0.1307;
const DEVIATION: f64 = 0.3081;

/// A linear layer, `weight` `[outputs, inputs]`.
struct Layer {
    weight: Array2<f32>,
    bias: Array1<f32>,
    /// The weights' integers and scale, where they were given as such.
    integers: Option<(Array2<i8>, WeightScale)>,
    relu: bool,
    /// What the activations behind the layer were rounded with: before ReLU, and behind it.
    qparams: [Option<QParams>; 2],
}

/// The network so far.
pub struct Network {
    /// `scale · x + shift` is what the first layer takes.
    scale: f64,
    shift: f64,
    input: Option<QParams>,
    layers: Vec<Layer>,
    /// The QuantizeLinear that waits for its DequantizeLinear.
    open: Option<QParams>,
    notes: Vec<String>,
}

impl Default for Network {
    fn default() -> Self {
        Self { scale: 1.0, shift: 0.0, input: None, layers: Vec::new(), open: None, notes: Vec::new() }
    }
}

impl Network {
    /// Takes the next node on the way, whose input `at` is the network so far. False if the logits were there already, and the
    /// node only makes something of them.
    ///
    /// # Errors
    /// [`Error::Node`] if the node has no place in such a network.
    pub fn take(&mut self, node: &Node, at: usize, inputs: &[Option<&Constant>]) -> Result<bool> {
        check_domain(node)?;
        let constant = |at: usize| {
            inputs
                .get(at)
                .copied()
                .flatten()
                .ok_or_else(|| refuse(node, format!("its input {at} is no constant")))
        };
        match &*node.op_type {
            "Identity" | "Dropout" | "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze" | "Cast" => {}
            "Gemm" => self.gemm(node, at, constant(1)?, inputs.get(2).copied().flatten())?,
            "MatMul" if at == 0 => self.linear(node, constant(1)?, false)?,
            "Add" if !self.layers.is_empty() => self.add_bias(node, constant(1 - at)?)?,
            "Relu" => self.relu(node)?,
            "Clip" if is_relu(inputs) => self.relu(node)?,
            "Add" | "Sub" | "Mul" | "Div" if self.layers.is_empty() => {
                self.rescale(node, at, constant(1 - at)?)?
            }
            "QuantizeLinear" => self.quantize(node, constant(1)?, inputs.get(2).copied().flatten())?,
            "DequantizeLinear" => self.dequantize(node, constant(1)?, inputs.get(2).copied().flatten())?,
            "Softmax" | "LogSoftmax" | "ArgMax" if self.layers.len() == 3 => {
                self.notes.push(format!(
                    "the logits are what {} is computed from; it and what follows is left out",
                    node.op_type
                ));
                return Ok(false);
            }
            _ => {
                return Err(refuse(
                    node,
                    "it has no place in a network of three linear layers with ReLU between them; understood are Gemm, MatMul, \
                     Add, Relu, Flatten, Reshape, Cast, Identity, Dropout, QuantizeLinear, DequantizeLinear, a scaling of the \
                     input, and Softmax or ArgMax at the end",
                ));
            }
        }
        Ok(true)
    }

    /// `y = A·B + C`, which the attributes may scale and transpose.
    fn gemm(&mut self, node: &Node, at: usize, weight: &Constant, bias: Option<&Constant>) -> Result<()> {
        let real = |name: &str| {
            let found = node.attribute.iter().find(|attribute| attribute.name == name);
            found.and_then(|attribute| attribute.f).unwrap_or(1.0)
        };
        if at != 0 || attribute(node, "transA").unwrap_or(0) != 0 {
            return Err(refuse(node, "the activations are to be its first input, with transA of 0"));
        }
        if (real("alpha"), real("beta")) != (1.0, 1.0) {
            return Err(refuse(node, "alpha and beta are to be 1"));
        }
        self.linear(node, weight, attribute(node, "transB").unwrap_or(0) != 0)?;
        match bias {
            Some(bias) => self.add_bias(node, bias),
            None => Ok(()),
        }
    }

    /// A layer without bias. `rows` says that the matrix is `[outputs, inputs]`.
    fn linear(&mut self, node: &Node, constant: &Constant, rows: bool) -> Result<()> {
        if self.layers.len() == 3 {
            return Err(refuse(node, "it is a fourth linear layer, expected three"));
        }
        if let Some(before) = self.layers.last()
            && !before.relu
        {
            return Err(refuse(node, "there is no ReLU between this linear layer and the one before it"));
        }
        let (r, c) = constant.tensor.matrix().map_err(|error| refuse(node, error.to_string()))?;
        let reals = constant.tensor.reals().map_err(|error| refuse(node, error.to_string()))?;
        let matrix = Array2::from_shape_vec((r, c), reals.to_vec())
            .map_err(|error| refuse(node, error.to_string()))?;
        let weight = if rows { matrix } else { matrix.t().as_standard_layout().into_owned() };
        let expected = self.layers.last().map_or(PIXELS, |layer| layer.bias.len());
        let (outputs, inputs) = weight.dim();
        if inputs != expected {
            return Err(refuse(node, format!("its weights take {inputs} inputs, expected {expected}")));
        }
        let integers =
            constant.integers.as_ref().and_then(|integers| integer_weights(integers, rows, outputs));
        self.layers.push(Layer {
            weight,
            bias: Array1::zeros(outputs),
            integers,
            relu: false,
            qparams: [None, None],
        });
        Ok(())
    }

    fn add_bias(&mut self, node: &Node, constant: &Constant) -> Result<()> {
        let values = constant.tensor.reals().map_err(|error| refuse(node, error.to_string()))?;
        let Some(layer) = self.layers.last_mut().filter(|layer| !layer.relu && layer.qparams[0].is_none())
        else {
            return Err(refuse(node, "it adds to activations, and not to the sums of a linear layer"));
        };
        match (values, layer.bias.len()) {
            (&[value], _) => layer.bias += value,
            (values, outputs) if values.len() == outputs => layer.bias += &Array1::from(values.to_vec()),
            (values, outputs) => {
                return Err(refuse(node, format!("a bias of {} values, expected {outputs}", values.len())));
            }
        }
        Ok(())
    }

    fn relu(&mut self, node: &Node) -> Result<()> {
        match self.layers.len() {
            1 | 2 => {
                self.layers.iter_mut().last().into_iter().for_each(|layer| layer.relu = true);
                Ok(())
            }
            0 => Err(refuse(node, "it stands before the first linear layer")),
            _ => Err(refuse(node, "it stands behind the last linear layer, whose outputs are logits")),
        }
    }

    /// A number that the input is scaled or shifted by.
    fn rescale(&mut self, node: &Node, at: usize, constant: &Constant) -> Result<()> {
        let values = constant.tensor.values.to_f64();
        let Some(&by) = values.first().filter(|first| values.iter().all(|value| value == *first)) else {
            return Err(refuse(
                node,
                "it scales pixels each by its own number; one number for all is understood",
            ));
        };
        (self.scale, self.shift) = match (&*node.op_type, at) {
            ("Add", _) => (self.scale, self.shift + by),
            ("Sub", 0) => (self.scale, self.shift - by),
            ("Sub", _) => (-self.scale, by - self.shift),
            ("Mul", _) => (self.scale * by, self.shift * by),
            ("Div", 0) => (self.scale / by, self.shift / by),
            _ => return Err(refuse(node, "it divides by the input")),
        };
        Ok(())
    }

    fn quantize(&mut self, node: &Node, scale: &Constant, zero_point: Option<&Constant>) -> Result<()> {
        let qparams = qparams(scale, zero_point).ok_or_else(|| {
            refuse(node, "activations are to have one scale and a zero point of uint8 or int8")
        })?;
        self.open = Some(qparams);
        let hidden = self.layers.len() < 3;
        match self.layers.last_mut() {
            None => self.input = Some(qparams),
            Some(layer) => {
                layer.qparams[usize::from(layer.relu)] = Some(qparams);
                if hidden && qparams.zero_point.0 == 0 {
                    // Nothing below 0 has an integer: rounding is ReLU already.
                    layer.relu = true;
                    layer.qparams[1] = Some(qparams);
                }
            }
        }
        Ok(())
    }

    fn dequantize(&mut self, node: &Node, scale: &Constant, zero_point: Option<&Constant>) -> Result<()> {
        match self.open.take() {
            Some(open) if qparams(scale, zero_point) == Some(open) => Ok(()),
            _ => Err(refuse(node, "it does not undo the QuantizeLinear before it")),
        }
    }

    /// The network, once the graph has ended.
    ///
    /// # Errors
    /// [`Error::Model`] if it has not three layers, or what digit8 would compute is something else.
    pub fn finish(mut self, scaling: Scaling) -> Result<Imported> {
        if self.layers.len() != 3 {
            return Err(Error::Model(format!("{} linear layers, expected three", self.layers.len())));
        }
        let classes = self.layers[2].bias.len();
        if classes != CLASSES {
            return Err(Error::Model(format!("{classes} outputs, expected {CLASSES}")));
        }
        let quantized = self.quantized();
        let is_rescaled = self.normalize(scaling);
        let model = match quantized {
            Some(_) if is_rescaled => {
                return Err(Error::Model(
                    "a quantized network whose input is not normalised as digit8's is (0.1307, 0.3081): import the float \
                     network, and quantize it here"
                        .into(),
                ));
            }
            Some(quantized) => {
                self.notes.push(
                    "a QDQ network: digit8 multiplies by reciprocals and keeps the bias real, as PyTorch does, so a few integers \
                     differ from a runtime's"
                        .into(),
                );
                Model::Int8(quantized?)
            }
            None => {
                if self.layers.iter().any(|layer| layer.integers.is_some()) {
                    self.notes.push(
                        "its weights are quantized and its activations are not: read as a float network"
                            .into(),
                    );
                }
                let [a, b, c] = self.layers.try_into().map_err(|_| Error::Model("three layers".into()))?;
                let layers = [a, b, c].map(|layer: Layer| Linear { weight: layer.weight, bias: layer.bias });
                Model::Float(Mlp::new(layers)?)
            }
        };
        Ok(Imported { model, notes: self.notes })
    }

    /// Changes the first layer so that it takes normalised pixels. Whether there was anything to change.
    fn normalize(&mut self, scaling: Scaling) -> bool {
        // What the graph's input is, in terms of a normalised pixel: a · n + c.
        let (a, c) = match scaling {
            Scaling::Normalized => (1.0, 0.0),
            Scaling::Unit => (DEVIATION, MEAN),
            Scaling::Pixels => (255.0 * DEVIATION, 255.0 * MEAN),
        };
        let (a, c) = (self.scale * a, self.scale * c + self.shift);
        // As near as constants of `f32` come.
        if (a - 1.0).abs() < 1e-6 && c.abs() < 1e-6 {
            return false;
        }
        let Layer { weight, bias, .. } = &mut self.layers[0];
        for (mut row, bias) in weight.rows_mut().into_iter().zip(bias.iter_mut()) {
            let sum: f64 = row.iter().map(|&w| f64::from(w)).sum();
            *bias = (f64::from(*bias) + sum * c) as f32;
            row.mapv_inplace(|w| (f64::from(w) * a) as f32);
        }
        self.notes.push(format!("its input is {a:.4} · x + {c:.4} of digit8's normalised pixels x: the first layer was scaled to take them"));
        true
    }

    /// The int8 network, if weights and activations are all quantized.
    fn quantized(&self) -> Option<Result<QuantizedMlp>> {
        let input = self.input?;
        // Rounded before ReLU, by integers that can be less than 0: ReLU is a step of its own.
        let own = |layer: &Layer| layer.qparams[0].is_some_and(|qparams| qparams.zero_point.0 > 0);
        let fused = !self.layers.iter().take(2).any(own);
        // Behind each layer: where ReLU is fused, behind it, else before it.
        let outputs = self.layers.iter().map(|layer| layer.qparams[usize::from(fused && layer.relu)]);
        let outputs: [QParams; 3] = outputs.collect::<Option<Vec<_>>>()?.try_into().ok()?;
        // A step of ReLU on its own keeps the parameters of the step before it.
        let same = |layer: &Layer| {
            fused || !layer.relu || layer.qparams[1].is_none_or(|q| Some(q) == layer.qparams[0])
        };
        if !self.layers.iter().all(same) {
            return None;
        }
        let layers: Option<Vec<QuantizedLinear>> = self
            .layers
            .iter()
            .map(|layer| {
                let (weight, weight_scale) = layer.integers.clone()?;
                let (width, bias) = (Width::default(), layer.bias.clone());
                Some(QuantizedLinear { weight, width, weight_scale, bias })
            })
            .collect();
        let layers: [QuantizedLinear; 3] = layers?.try_into().ok()?;
        Some(QuantizedMlp::new(layers, Activations::Static { fused, input, outputs }).map_err(Error::from))
    }
}

/// Whether the ends of a Clip make it a ReLU: 0, and none.
fn is_relu(inputs: &[Option<&Constant>]) -> bool {
    let end = |at: usize| inputs.get(at).copied().flatten().map(|constant| constant.tensor.values.to_f64());
    end(1).as_deref() == Some(&[0.0])
        && end(2).is_none_or(|max| max.iter().all(|&max| max >= f32::MAX.into()))
}

/// Scale and zero point of activations. Those of `int8` are 128 lower, and so are the integers that they belong to.
fn qparams(scale: &Constant, zero_point: Option<&Constant>) -> Option<QParams> {
    let &[scale] = scale.tensor.reals().ok()? else { return None };
    let zero_point = match zero_point.map(|zero| &zero.tensor.values) {
        None => 0,
        Some(Values::U8(values)) if values.len() == 1 => values[0],
        Some(Values::I8(values)) if values.len() == 1 => values[0] as u8 ^ 0x80,
        _ => return None,
    };
    Some(QParams::new(Scale::new(scale).ok()?, ZeroPoint(zero_point)))
}

/// The integers of a weight matrix `[outputs, inputs]`, if they are `int8` with zero points of 0 and one scale, or one for each
/// output. `rows` says that the matrix stands so in the file.
fn integer_weights(
    integers: &[Option<Tensor>; 3],
    rows: bool,
    outputs: usize,
) -> Option<(Array2<i8>, WeightScale)> {
    let [Some(q), Some(scale), zero] = integers else { return None };
    let Values::I8(values) = &q.values else { return None };
    if zero.as_ref().is_some_and(|zero| zero.values.to_f64().iter().any(|&zero| zero != 0.0)) {
        return None;
    }
    let matrix = Array2::from_shape_vec(q.matrix().ok()?, values.clone()).ok()?;
    let weight = if rows { matrix } else { matrix.t().as_standard_layout().into_owned() };
    let scales =
        scale.reals().ok()?.iter().map(|&scale| Scale::new(scale)).collect::<digit8_core::Result<Vec<_>>>();
    let scale = match &scales.ok()?[..] {
        &[scale] => WeightScale::PerTensor(scale),
        scales if scales.len() == outputs && rows => WeightScale::PerChannel(scales.to_vec()),
        _ => return None,
    };
    Some((weight, scale))
}
