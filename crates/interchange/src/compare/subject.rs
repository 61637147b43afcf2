//! What is compared: a network of digit8's, or an ONNX graph by its meaning, as a sequence of steps that both have.

use digit8_core::Kernel;
use digit8_core::digits::{CLASSES, PIXELS};
use digit8_core::file::Model;
use digit8_core::int8::{QuantizedMlp, Values as Step};
use digit8_core::quant::QParams;
use ndarray::{Array2, ArrayView2, Axis, concatenate};

use crate::evaluate::{graph, run};
use crate::import::{Scaling, import};
use crate::proto;
use crate::tensor::{Tensor, Values};
use crate::{Error, Result};

/// The steps that are compared: the input, and what each layer hands on, behind ReLU in the hidden layers.
pub const STEPS: [&str; 4] = ["quant", "linear1", "linear2", "linear3"];

/// A network whose layers can be asked for.
pub enum Subject {
    /// One of digit8's.
    Network(Box<Model>),
    /// An ONNX graph that computes on integers, evaluated by the standard's definitions.
    Graph {
        /// The file's content.
        model: Box<proto::Model>,
        /// The tensors that are the [`STEPS`], where they are integers.
        steps: Vec<Option<String>>,
        /// The network with the same weights and scales, where they could be read.
        parameters: Option<Box<QuantizedMlp>>,
    },
}

/// What a step puts out, `[batch, outputs]`.
#[derive(Clone, Debug)]
pub struct Output {
    /// As integers, if it has any.
    pub integers: Option<Array2<u8>>,
    /// What the integers stand for, if that is known.
    pub qparams: Option<QParams>,
    /// As real numbers, if they are known.
    pub real: Option<Array2<f32>>,
}

/// The outputs of the [`STEPS`] that a network has, and the logits.
pub struct Outputs {
    /// One for each of [`STEPS`].
    pub steps: Vec<Option<Output>>,
    /// `[batch, 10]`.
    pub logits: Array2<f32>,
}

impl Subject {
    /// The network in an ONNX file: a float one as digit8 reads it, any other as the graph it is.
    ///
    /// # Errors
    /// If the file cannot be read, or its graph has not the steps of such a network.
    pub fn of_onnx(bytes: &[u8], scaling: Scaling) -> Result<Self> {
        let model = crate::import::decode(bytes)?;
        let imported = import(bytes, scaling);
        if let Ok(imported) = &imported
            && matches!(imported.model, Model::Float(_))
        {
            return Ok(Self::Network(Box::new(imported.model.clone())));
        }
        let Some(steps) = steps(graph(&model)?) else {
            // Neither a network that can be read nor one whose steps can be found: the reader says why.
            return Err(imported
                .err()
                .unwrap_or_else(|| Error::Model("the graph has no steps on integers".into())));
        };
        let parameters = imported.ok().and_then(|imported| match imported.model {
            Model::Int8(mlp) => Some(Box::new(mlp)),
            Model::Float(_) => None,
        });
        Ok(Self::Graph { model: Box::new(model), steps, parameters })
    }

    /// The quantized network's weights, scales and zero points, if there are any that can be read.
    pub fn parameters(&self) -> Option<&QuantizedMlp> {
        match self {
            Subject::Network(model) => match &**model {
                Model::Int8(mlp) => Some(mlp),
                Model::Float(_) => None,
            },
            Subject::Graph { parameters, .. } => parameters.as_deref(),
        }
    }

    /// The outputs for `pixels` `[batch, 784]`, each image on its own: what a dynamic network says of an image depends on the
    /// others in its batch.
    ///
    /// # Errors
    /// If a node of the graph cannot be evaluated.
    pub fn outputs(&self, kernel: Kernel, pixels: &[u8]) -> Result<Outputs> {
        match self {
            Subject::Network(model) => Ok(of_model(model, kernel, pixels)),
            Subject::Graph { model, steps, parameters } => {
                let images = pixels.chunks_exact(PIXELS);
                let one = |image| of_graph(model, steps, parameters.as_deref(), image);
                joined(images.map(one).collect::<Result<Vec<_>>>()?)
            }
        }
    }
}

fn of_model(model: &Model, kernel: Kernel, pixels: &[u8]) -> Outputs {
    match model {
        Model::Float(mlp) => {
            let layers = mlp.layer_outputs(kernel, pixels);
            let logits = layers[2].clone();
            let real = |(index, layer): (usize, Array2<f32>)| {
                let behind = if index < 2 { layer.mapv(|y| y.max(0.0)) } else { layer };
                Some(Output { integers: None, qparams: None, real: Some(behind) })
            };
            let steps = std::iter::once(None).chain(layers.into_iter().enumerate().map(real)).collect();
            Outputs { steps, logits }
        }
        Model::Int8(mlp) => {
            let images = pixels.chunks_exact(PIXELS).map(|image| of_int8(mlp, kernel, image)).collect();
            joined(images).unwrap_or_else(|_| Outputs {
                steps: vec![None; STEPS.len()],
                logits: Array2::zeros((0, CLASSES)),
            })
        }
    }
}

/// One image through a quantized network.
fn of_int8(mlp: &QuantizedMlp, kernel: Kernel, image: &[u8]) -> Outputs {
    let trace = mlp.trace(kernel, image);
    let step = |name: &str| trace.iter().find(|step| step.name == name).map(|step| &step.values);
    let output = |index: usize| {
        let hidden = (1..3).contains(&index);
        // Behind ReLU, where that is a step of its own.
        let own = if hidden { step(&format!("relu{index}")) } else { None };
        Some(match own.or_else(|| step(STEPS[index]))? {
            Step::Quantized(integers, qparams) => Output {
                integers: Some(integers.clone()),
                qparams: Some(*qparams),
                real: Some(integers.mapv(|q| qparams.dequantize(q))),
            },
            Step::Real(real) => {
                let real = if hidden { real.mapv(|y| y.max(0.0)) } else { real.clone() };
                Output { integers: None, qparams: None, real: Some(real) }
            }
        })
    };
    let steps: Vec<_> = (0..STEPS.len()).map(output).collect();
    let logits = step("dequant").or_else(|| step("linear3")).map(Step::real).unwrap_or_default();
    Outputs { steps, logits }
}

fn of_graph(
    model: &proto::Model,
    names: &[Option<String>],
    parameters: Option<&QuantizedMlp>,
    image: &[u8],
) -> Result<Outputs> {
    let input = graph(model)?.input.first().and_then(|input| input.r#type.as_ref());
    let element = input.and_then(|kind| kind.tensor_type.as_ref()).map_or(0, |tensor| tensor.elem_type);
    let values = if element == proto::data_type::UINT8 {
        Values::U8(image.to_vec())
    } else {
        let table = digit8_core::digits::normalized();
        Values::F32(image.iter().map(|&pixel| table[usize::from(pixel)]).collect())
    };
    let tensors = run(model, Tensor::new(vec![1, PIXELS], values)?)?;
    let find = |name: &str| tensors.iter().rev().find(|(found, _)| found == name).map(|(_, tensor)| tensor);
    let qparams: Vec<Option<QParams>> = match parameters.map(QuantizedMlp::activations) {
        Some(digit8_core::int8::Activations::Static { input, outputs, .. }) => {
            std::iter::once(*input).chain(*outputs).map(Some).collect()
        }
        _ => vec![None; STEPS.len()],
    };
    let output = |(name, qparams): (&Option<String>, Option<QParams>)| {
        let tensor = find(name.as_deref()?)?;
        let (integers, real) = match &tensor.values {
            Values::U8(values) => (row(values.clone()), None),
            // The same integers, 128 lower.
            Values::I8(values) => (row(values.iter().map(|&q| q as u8 ^ 0x80).collect()), None),
            Values::F32(values) => (None, row(values.clone())),
            _ => return None,
        };
        let real =
            real.or_else(|| Some(integers.as_ref()?.mapv(|q| qparams.map_or(f32::NAN, |p| p.dequantize(q)))));
        Some(Output { integers, qparams, real: real.filter(|real| !real.iter().any(|x| x.is_nan())) })
    };
    let last = graph(model)?.output.first().map_or("", |output| &output.name);
    let logits = find(last).ok_or_else(|| Error::Model(format!("the graph makes no {last}")))?;
    let logits = row(logits.reals()?.to_vec()).ok_or_else(|| Error::Model("no logits".into()))?;
    Ok(Outputs { steps: names.iter().zip(qparams).map(output).collect(), logits })
}

fn row<T>(values: Vec<T>) -> Option<Array2<T>> {
    Array2::from_shape_vec((1, values.len()), values).ok()
}

/// The tensors that are the steps: by digit8's names, or else what the four or six QuantizeLinear on the way put out.
fn steps(graph: &proto::Graph) -> Option<Vec<Option<String>>> {
    let outputs = || graph.node.iter().flat_map(|node| &node.output);
    let named = |name: &str| outputs().find(|output| *output == name).cloned();
    if named("quant").is_some() || named("linear1").is_some() {
        let step = |index: usize| {
            let own = if (1..3).contains(&index) { named(&format!("relu{index}")) } else { None };
            own.or_else(|| named(STEPS[index])).or_else(|| (index == 3).then(|| named("logits")).flatten())
        };
        return Some((0..STEPS.len()).map(step).collect());
    }
    let constant = |name: &String| graph.initializer.iter().any(|tensor| tensor.name == *name);
    let quantized: Vec<&String> = graph
        .node
        .iter()
        .filter(|node| node.op_type == "QuantizeLinear" && node.input.first().is_some_and(|x| !constant(x)))
        .filter_map(|node| node.output.first())
        .collect();
    let chosen: &[usize] = match quantized.len() {
        4 => &[0, 1, 2, 3],
        // ReLU on its own is rounded once more.
        6 => &[0, 2, 4, 5],
        _ => return None,
    };
    Some(chosen.iter().map(|&index| Some(quantized[index].clone())).collect())
}

/// The outputs of several images, one below the other.
fn joined(images: Vec<Outputs>) -> Result<Outputs> {
    fn stacked<T: Clone>(parts: Vec<ArrayView2<T>>) -> Result<Array2<T>> {
        concatenate(Axis(0), &parts).map_err(|error| Error::Model(error.to_string()))
    }
    let mut steps = Vec::new();
    for index in 0..STEPS.len() {
        let parts: Option<Vec<&Output>> = images.iter().map(|image| image.steps[index].as_ref()).collect();
        let Some(parts) = parts.filter(|parts| !parts.is_empty()) else {
            steps.push(None);
            continue;
        };
        let integers: Option<Vec<_>> =
            parts.iter().map(|part| Some(part.integers.as_ref()?.view())).collect();
        let real: Option<Vec<_>> = parts.iter().map(|part| Some(part.real.as_ref()?.view())).collect();
        steps.push(Some(Output {
            integers: integers.map(stacked).transpose()?,
            qparams: parts[0].qparams,
            real: real.map(stacked).transpose()?,
        }));
    }
    let logits = stacked(images.iter().map(|image| image.logits.view()).collect())?;
    Ok(Outputs { steps, logits })
}
