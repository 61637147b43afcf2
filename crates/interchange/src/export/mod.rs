//! Networks as ONNX files: input `pixels`, `uint8` `[batch, 784]`; output `logits`, `float` `[batch, 10]`.

mod exact;
mod float;
mod graph;
mod qdq;

use std::fmt;
use std::str::FromStr;

use digit8_core::digits::CLASSES;
use digit8_core::file::{Info, Model};
use prost::Message;

use crate::proto::{self, Entry, OperatorSet, data_type};
use crate::{Error, Result};
use graph::Builder;

/// IR 8 and opset 13 are of 2021: what every runtime in use reads.
const IR_VERSION: i64 = 8;
const OPSET: i64 = 13;

/// How an int8 network is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Explicit operators, which give digit8's own integers in every layer.
    Exact,
    /// QuantizeLinear and DequantizeLinear around float operators: what tools expect. A few integers differ.
    Qdq,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(match self {
            Form::Exact => "exact",
            Form::Qdq => "qdq",
        })
    }
}

impl FromStr for Form {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "exact" => Ok(Form::Exact),
            "qdq" => Ok(Form::Qdq),
            _ => Err(Error::Model(format!("form \"{name}\", expected exact or qdq"))),
        }
    }
}

/// What the graph's input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// `pixels`, `uint8`, 0 to 255; the graph normalises them.
    Pixels,
    /// `input`, `float`, normalised already (0.1307, 0.3081).
    Normalized,
}

/// How a file is written.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The form of an int8 network; a float one has only one.
    pub form: Form,
    /// What the graph's input is.
    pub input: Input,
    /// Whether every step of the forward pass is an output, under the name that it has in PyTorch: `quant`, `linear1`, `relu1`, …
    pub all_layers: bool,
}

/// The bytes of an ONNX file with `model` in it; `info` becomes its metadata. The same model, options and info give the same
/// bytes.
pub fn export(model: &Model, options: Options, info: &Info) -> Vec<u8> {
    let mut graph = Builder::new(options.all_layers);
    let (input, normalized) = match options.input {
        Input::Pixels => (graph::pixels("pixels", data_type::UINT8), graph.normalized("pixels")),
        Input::Normalized => (graph::pixels("input", data_type::FLOAT), "input".to_owned()),
    };
    let (kind, form) = match model {
        Model::Float(mlp) => {
            float::network(&mut graph, mlp, &normalized);
            ("float32".to_owned(), None)
        }
        Model::Int8(mlp) => {
            match options.form {
                Form::Exact => exact::network(&mut graph, mlp, &normalized),
                Form::Qdq => qdq::network(&mut graph, mlp, &normalized),
            }
            (mlp.scheme().to_string(), Some(options.form.to_string()))
        }
    };
    let mut metadata = vec![("scheme".to_owned(), kind)];
    metadata.extend(form.map(|form| ("form".to_owned(), form)));
    metadata.extend(
        info.iter().filter(|(key, _)| *key != "scheme").map(|(key, value)| (key.clone(), value.clone())),
    );
    let metadata = metadata.into_iter().map(|(key, value)| Entry { key: format!("digit8.{key}"), value });
    proto::Model {
        ir_version: IR_VERSION,
        producer_name: "digit8".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(graph.finish(input, graph::value("logits", data_type::FLOAT, CLASSES))),
        opset_import: vec![OperatorSet { domain: String::new(), version: OPSET }],
        metadata_props: metadata.collect(),
    }
    .encode_to_vec()
}
