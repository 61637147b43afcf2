//! ONNX files as networks: the float ones that torch.onnx (both exporters), Keras and scikit-learn write, and QDQ networks.
//!
//! The graph is followed from its input: every tensor is either a constant, and then what is computed from constants alone is
//! folded, or the network as far as it has been understood. What fits neither is refused, with the node's name.

mod constant;
mod layers;
mod walk;

use digit8_core::file::Model;
use prost::Message;

use crate::evaluate::{constants, data_input, graph, shortened};
use crate::proto::{self, data_type};
use crate::{Error, Result};

pub use layers::Scaling;

/// Opsets whose operators mean what this reader takes them to mean.
const OPSETS: std::ops::RangeInclusive<i64> = 11..=23;

/// A network from an ONNX file.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The network: float, or int8 where the graph is a whole QDQ network.
    pub model: Model,
    /// Sentences on what was done to make it fit, to be told to whoever brought the file.
    pub notes: Vec<String>,
}

/// The message in the bytes of a file.
///
/// # Errors
/// [`Error::File`] if they are none, or no ONNX model.
pub fn decode(bytes: &[u8]) -> Result<proto::Model> {
    if bytes.is_empty() {
        return Err(Error::File("the file is empty".into()));
    }
    let model =
        proto::Model::decode(bytes).map_err(|error| Error::File(format!("{error}; is it cut short?")))?;
    match &model.graph {
        Some(graph) if !graph.node.is_empty() => Ok(model),
        _ => Err(Error::File("it holds no graph with nodes".into())),
    }
}

/// The network in the bytes of an ONNX file. `scaling` says what the network takes for its input, where that is `float`.
///
/// # Errors
/// [`Error::File`] if it is no ONNX file; [`Error::Node`] or [`Error::Model`] if it holds another kind of network.
pub fn import(bytes: &[u8], scaling: Scaling) -> Result<Imported> {
    let model = decode(bytes)?;
    check_opset(&model)?;
    let graph = graph(&model)?;
    let constants = constants(graph)?;
    let input = data_input(graph)?;
    let is_bytes = graph.input.iter().any(|value| value.name == input && element(value) == data_type::UINT8);
    let scaling = if is_bytes { Scaling::Pixels } else { scaling };
    let network = walk::walk(graph, input, constants)?;
    network.finish(scaling)
}

fn element(value: &proto::ValueInfo) -> i32 {
    value.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref()).map_or(0, |tensor| tensor.elem_type)
}

fn check_opset(model: &proto::Model) -> Result<()> {
    let own = |set: &&proto::OperatorSet| set.domain.is_empty() || set.domain == "ai.onnx";
    let Some(set) = model.opset_import.iter().find(own) else {
        let domains: Vec<&str> = model.opset_import.iter().map(|set| &*set.domain).collect();
        return Err(Error::Model(format!(
            "no version of ONNX's operators is named, only {}",
            shortened(&domains)
        )));
    };
    if OPSETS.contains(&set.version) {
        return Ok(());
    }
    let (least, most) = (OPSETS.start(), OPSETS.end());
    Err(Error::Model(format!("opset {}, expected {least} to {most}", set.version)))
}
