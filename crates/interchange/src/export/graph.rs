//! A graph as it grows: nodes in the order in which they run, and constants.

use std::collections::BTreeSet;

use digit8_core::digits::PIXELS;

use crate::proto::{
    Attribute, Dimension, Graph, Node, Shape, Size, TensorType, Type, ValueInfo, attribute_type, data_type,
};
use crate::tensor::{Tensor, Values};

/// A graph under construction.
#[derive(Default)]
pub struct Builder {
    graph: Graph,
    constants: BTreeSet<String>,
    /// Whether the steps of the forward pass become outputs of the graph.
    pub all_layers: bool,
    /// The steps of the forward pass, under the names that PyTorch's modules have.
    steps: Vec<ValueInfo>,
}

impl Builder {
    /// An empty graph. `all_layers` makes the steps of the forward pass its outputs.
    pub fn new(all_layers: bool) -> Self {
        Self { all_layers, ..Self::default() }
    }

    /// The finished graph.
    pub fn finish(mut self, input: ValueInfo, output: ValueInfo) -> Graph {
        self.graph.input.push(input);
        self.graph.output.push(output);
        if self.all_layers {
            self.graph.output.extend(self.steps);
        } else {
            self.graph.value_info.extend(self.steps);
        }
        self.graph.name = "digit8".to_owned();
        self.graph
    }

    /// Adds a node and returns the name of its output, after which it is named.
    pub fn node(&mut self, operator: &str, inputs: &[&str], output: &str) -> String {
        self.node_with(operator, inputs, output, &[])
    }

    /// [`node`](Self::node) with attributes that are whole numbers.
    pub fn node_with(
        &mut self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[(&str, i64)],
    ) -> String {
        self.outputs(operator, inputs, &[output], attributes);
        output.to_owned()
    }

    /// Adds a node of several outputs.
    pub fn outputs(&mut self, operator: &str, inputs: &[&str], outputs: &[&str], attributes: &[(&str, i64)]) {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let attribute = attributes.iter().map(|&(name, value)| Attribute {
            name: name.to_owned(),
            i: Some(value),
            kind: attribute_type::INT,
            ..Attribute::default()
        });
        self.graph.node.push(Node {
            input: names(inputs),
            output: names(outputs),
            name: format!("{}/{operator}", outputs[0]),
            op_type: operator.to_owned(),
            attribute: attribute.collect(),
            ..Node::default()
        });
    }

    /// Adds a constant, unless there is one of that name, and returns its name.
    pub fn constant(&mut self, name: &str, shape: &[usize], values: Values) -> String {
        if self.constants.insert(name.to_owned()) {
            let tensor = Tensor { shape: shape.to_vec(), values };
            self.graph.initializer.push(tensor.encode(name));
        }
        name.to_owned()
    }

    /// A constant that is a single `float`.
    pub fn real(&mut self, name: &str, value: f32) -> String {
        self.constant(name, &[], Values::F32(vec![value]))
    }

    /// `float(x)`.
    pub fn cast_float(&mut self, x: &str, output: &str) -> String {
        self.node_with("Cast", &[x], output, &[("to", data_type::FLOAT.into())])
    }

    /// `double(x)`.
    pub fn cast_double(&mut self, x: &str, output: &str) -> String {
        self.node_with("Cast", &[x], output, &[("to", data_type::DOUBLE.into())])
    }

    /// `uint8(x)`.
    pub fn cast_bytes(&mut self, x: &str, output: &str) -> String {
        self.node_with("Cast", &[x], output, &[("to", data_type::UINT8.into())])
    }

    /// Marks a tensor `[batch, columns]` as a step of the forward pass.
    pub fn step(&mut self, name: &str, element: i32, columns: usize) {
        self.steps.push(value(name, element, columns));
    }

    /// Marks the real numbers in the tensor `x` as the step `name`: if that is not its name, as the logits' is not, under both.
    pub fn real_step(&mut self, name: &str, x: &str, columns: usize) {
        if x != name {
            if !self.all_layers {
                return;
            }
            self.node("Identity", &[x], name);
        }
        self.step(name, data_type::FLOAT, columns);
    }

    /// `((pixels / 255) - 0.1307) / 0.3081` in three operations (rule 1).
    pub fn normalized(&mut self, pixels: &str) -> String {
        let [white, mean, deviation] = [("white", 255.0), ("mean", 0.1307), ("deviation", 0.3081)]
            .map(|(name, value)| self.real(name, value));
        let x = self.cast_float(pixels, "pixels.float");
        let x = self.node("Div", &[&x, &white], "pixels.share");
        let x = self.node("Sub", &[&x, &mean], "pixels.centred");
        self.node("Div", &[&x, &deviation], "normalized")
    }
}

/// A tensor `[batch, columns]`, described.
pub fn value(name: &str, element: i32, columns: usize) -> ValueInfo {
    let batch = Dimension { size: Some(Size::Param("batch".to_owned())) };
    let columns = Dimension { size: Some(Size::Value(columns as i64)) };
    let tensor_type = TensorType { elem_type: element, shape: Some(Shape { dim: vec![batch, columns] }) };
    ValueInfo { name: name.to_owned(), r#type: Some(Type { tensor_type: Some(tensor_type) }) }
}

/// The input, described: the images' pixels.
pub fn pixels(name: &str, element: i32) -> ValueInfo {
    value(name, element, PIXELS)
}
