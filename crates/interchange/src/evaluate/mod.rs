//! What an ONNX graph means: its operators one after the other, each as the standard defines it, without the fusions and
//! approximations of a runtime. Slow and plain: it folds constants while a file is read, and stands in for a runtime when two
//! models are compared.

mod elementwise;
mod operators;

use std::collections::HashMap;

use crate::proto::{Graph, Model, Node};
use crate::tensor::Tensor;
use crate::{Error, Result};

pub(crate) use operators::{apply, attribute, check_domain};

/// Every tensor that a node of the graph makes, in order, by name.
pub type Outputs = Vec<(String, Tensor)>;

/// Runs the graph on the value of its one input.
///
/// # Errors
/// If the graph has more than one input, an operator is not known, or a node's inputs do not fit it.
pub fn run(model: &Model, input: Tensor) -> Result<Outputs> {
    let graph = graph(model)?;
    let mut known = constants(graph)?;
    known.insert(data_input(graph)?.to_owned(), input);
    let mut outputs = Outputs::new();
    for node in &graph.node {
        let inputs = node.input.iter().map(|name| match &**name {
            "" => Ok(None),
            name => known.get(name).map(Some).ok_or_else(|| unknown(node, name)),
        });
        let made = apply(node, &inputs.collect::<Result<Vec<_>>>()?)?;
        for (name, tensor) in node.output.iter().zip(made) {
            known.insert(name.clone(), tensor.clone());
            outputs.push((name.clone(), tensor));
        }
    }
    Ok(outputs)
}

/// The model's graph.
///
/// # Errors
/// If there is none.
pub(crate) fn graph(model: &Model) -> Result<&Graph> {
    model.graph.as_ref().ok_or_else(|| Error::File("it holds no graph".into()))
}

/// The graph's initializers, by name.
pub(crate) fn constants(graph: &Graph) -> Result<HashMap<String, Tensor>> {
    graph.initializer.iter().map(|tensor| Ok((tensor.name.clone(), Tensor::decode(tensor)?))).collect()
}

/// The name of the only input that is no constant.
pub(crate) fn data_input(graph: &Graph) -> Result<&str> {
    let constant = |name: &str| graph.initializer.iter().any(|tensor| tensor.name == name);
    let inputs: Vec<&str> =
        graph.input.iter().map(|input| &*input.name).filter(|name| !constant(name)).collect();
    match inputs[..] {
        [name] => Ok(name),
        _ => Err(Error::Model(format!(
            "the graph has {} inputs ({}), expected one: the image",
            inputs.len(),
            shortened(&inputs)
        ))),
    }
}

/// The first few of many names.
pub(crate) fn shortened(names: &[&str]) -> String {
    const MOST: usize = 5;
    let more = if names.len() > MOST { format!(" and {} more", names.len() - MOST) } else { String::new() };
    names[..names.len().min(MOST)].join(", ") + &more
}

/// The error of a node that takes a tensor that nothing before it makes.
pub(crate) fn unknown(node: &Node, name: &str) -> Error {
    refuse(node, format!("its input {name} is made by no node before it"))
}

/// The error of a node.
pub(crate) fn refuse(node: &Node, problem: impl Into<String>) -> Error {
    let name = if node.name.is_empty() { node.output.first() } else { Some(&node.name) };
    Error::Node {
        node: name.cloned().unwrap_or_default(),
        operator: node.op_type.clone(),
        problem: problem.into(),
    }
}
