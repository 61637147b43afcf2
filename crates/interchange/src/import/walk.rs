//! The walk through the graph, node by node.

use std::collections::{HashMap, HashSet};

use super::constant::Constant;
use super::layers::Network;
use crate::evaluate::{apply, attribute, refuse, unknown};
use crate::proto::{Graph, Node};
use crate::tensor::Tensor;
use crate::{Error, Result};

/// What is known of a tensor.
enum Known {
    Constant(Box<Constant>),
    /// The network so far: there is one way through the graph, and this is its end.
    Flow,
    /// The shape of a batch, or what was computed of it: what a reshape may use.
    Size,
}

/// The network that the graph computes from `input`.
///
/// # Errors
/// [`Error::Node`] for the first node that is not understood; [`Error::Model`] if the nodes form a circle.
pub fn walk(graph: &Graph, input: &str, constants: HashMap<String, Tensor>) -> Result<Network> {
    let mut known: HashMap<String, Known> = constants
        .into_iter()
        .map(|(name, tensor)| (name, Known::Constant(Box::new(Constant { tensor, integers: None }))))
        .collect();
    known.insert(input.to_owned(), Known::Flow);
    let mut network = Network::default();
    // The tensor at the end of the way, which the next node must take up.
    let mut end = input.to_owned();
    for node in in_order(graph, &known)? {
        let mut inputs = Vec::new();
        let mut takes_flow = false;
        for name in &node.input {
            let value = match &**name {
                "" => None,
                name => Some(known.get(name).ok_or_else(|| unknown(node, name))?),
            };
            if matches!(value, Some(Known::Flow)) && *name == end {
                takes_flow = true;
            } else if matches!(value, Some(Known::Flow)) && !is_size(node) {
                return Err(refuse(
                    node,
                    format!("it takes up {name} again: digit8's networks have one way through"),
                ));
            }
            inputs.push(value);
        }
        let output = node.output.first().cloned().unwrap_or_default();
        let sized = inputs.iter().flatten().any(|value| matches!(value, Known::Size));
        let made = if takes_flow && is_size(node) || sized && !takes_flow {
            Known::Size
        } else if takes_flow {
            let constants = inputs.iter().map(|value| match value {
                Some(Known::Constant(constant)) => Some(&**constant),
                _ => None,
            });
            let at = inputs.iter().position(|value| matches!(value, Some(Known::Flow)));
            if !network.take(node, at.unwrap_or(0), &constants.collect::<Vec<_>>())? {
                // The logits are there: what follows makes probabilities or a class of them.
                return Ok(network);
            }
            end.clone_from(&output);
            Known::Flow
        } else {
            Known::Constant(Box::new(folded(node, &inputs)?))
        };
        known.insert(output, made);
    }
    Ok(network)
}

/// Whether a node asks for the shape of what it takes.
fn is_size(node: &Node) -> bool {
    node.op_type == "Shape"
}

/// A node of constants alone.
fn folded(node: &Node, inputs: &[Option<&Known>]) -> Result<Constant> {
    let tensors: Vec<Option<&Tensor>> = inputs
        .iter()
        .map(|value| match value {
            Some(Known::Constant(constant)) => Some(&constant.tensor),
            _ => None,
        })
        .collect();
    let tensor = apply(node, &tensors)?.into_iter().next();
    let tensor = tensor.ok_or_else(|| refuse(node, "it makes nothing"))?;
    let mut integers = None;
    if node.op_type == "DequantizeLinear" {
        integers = Some(std::array::from_fn(|at| tensors.get(at).copied().flatten().cloned()));
        if attribute(node, "axis").is_some_and(|axis| axis != 0)
            && tensors.get(1).is_some_and(|s| s.is_some_and(|s| s.values.len() > 1))
        {
            // Scales of columns: the integers of a matrix whose rows have one scale each are all that digit8 can keep.
            integers = None;
        }
    } else if let ("Identity", Some(Some(Known::Constant(constant)))) = (&*node.op_type, inputs.first()) {
        integers.clone_from(&constant.integers);
    }
    Ok(Constant { tensor, integers })
}

/// The nodes, each behind those whose results it takes: the standard asks for that order, but not every writer keeps it.
fn in_order<'a>(graph: &'a Graph, known: &HashMap<String, Known>) -> Result<Vec<&'a Node>> {
    let mut made: HashSet<&str> = known.keys().map(String::as_str).collect();
    let all: HashSet<&str> = graph.node.iter().flat_map(|node| &node.output).map(String::as_str).collect();
    let mut waiting: Vec<&Node> = graph.node.iter().collect();
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut later = Vec::new();
        for node in waiting {
            // What no node makes is left to the walk, which names it.
            let ready = node
                .input
                .iter()
                .all(|name| name.is_empty() || made.contains(&**name) || !all.contains(&**name));
            if ready {
                made.extend(node.output.iter().map(String::as_str));
                ordered.push(node);
            } else {
                later.push(node);
            }
        }
        if later.len() == before {
            let names: Vec<&str> =
                later.iter().map(|node| node.output.first().map_or("", String::as_str)).collect();
            let names = crate::evaluate::shortened(&names);
            return Err(Error::Model(format!("the nodes that make {names} wait for each other: a circle")));
        }
        waiting = later;
    }
    Ok(ordered)
}
