//! Models as ONNX files, for other people's engines: the protocol buffers of onnx.proto, as far as this network needs them.
//!
//! The input is `input`, the normalised pixels `[batch, 784]`, the output `logits` `[batch, 10]`. The float32 network is
//! Gemm and Relu. A static one is in QDQ form: each tensor goes through QuantizeLinear and DequantizeLinear, which engines
//! turn into products on integers. A dynamic one is DynamicQuantizeLinear and MatMulInteger. They compute what digit8
//! computes but for two things that ONNX has no form for: a static bias becomes an `i32`, where PyTorch keeps it real
//! (engines fuse no other), and dynamic activations fill 0..=255, where PyTorch stops at 127.

use digit8_core::digits::{CLASSES, PIXELS};
use digit8_core::file::Model;
use digit8_core::float::Mlp;
use digit8_core::int8::{Activations, QuantizedLinear, QuantizedMlp};
use digit8_core::quant::{QParams, WeightScale};

const IR_VERSION: u64 = 8;
const OPSET: u64 = 13;
const PRODUCER: &str = "digit8";

/// The bytes of an ONNX file with `model` in it.
pub fn write(model: &Model) -> Vec<u8> {
    let mut graph = Graph::default();
    match model {
        Model::Float(mlp) => graph.float(mlp),
        Model::Int8(mlp) => match *mlp.activations() {
            Activations::Static { fused, input, outputs } => graph.quantized(mlp, fused, input, outputs),
            Activations::Dynamic => graph.dynamic(mlp),
        },
    }
    let graph =
        graph.0.text(2, PRODUCER).message(11, value("input", PIXELS)).message(12, value("logits", CLASSES));
    let opset = Message::default().number(2, OPSET);
    Message::default().number(1, IR_VERSION).text(2, PRODUCER).message(8, opset).message(7, graph).0
}

/// A GraphProto: nodes in the order in which they run, and constants ("initializers").
#[derive(Default)]
struct Graph(Message);

/// The types of elements, as TensorProto numbers them.
#[derive(Clone, Copy)]
enum Type {
    F32 = 1,
    U8 = 2,
    I8 = 3,
    I32 = 6,
}

impl Graph {
    fn float(&mut self, mlp: &Mlp) {
        let mut x = "input".to_owned();
        for (number, layer) in (1..).zip(mlp.layers()) {
            let name = format!("linear{number}");
            let (outputs, inputs) = layer.weight.dim();
            let weight = self.reals(&format!("{name}.weight"), &[outputs, inputs], layer.weight.iter());
            let bias = self.reals(&format!("{name}.bias"), &[outputs], layer.bias.iter());
            let last = number == 3;
            let y = if last { "logits" } else { &name };
            self.node("Gemm", &[&x, &weight, &bias], &[y], &[("transB", 1)]);
            x = if last { y.to_owned() } else { self.relu(&name) };
        }
    }

    fn quantized(&mut self, mlp: &QuantizedMlp, fused: bool, input: QParams, outputs: [QParams; 3]) {
        let mut x = self.through_integers("input", "quant", input);
        let mut x_scale = input.scale.get();
        for ((number, layer), qparams) in (1..).zip(mlp.layers()).zip(outputs) {
            let name = format!("linear{number}");
            let [weight, bias] = self.integer_constants(&name, layer, x_scale);
            self.node("Gemm", &[&x, &weight, &bias], &[&name], &[("transB", 1)]);
            let hidden = number < 3;
            // Where 0 is the least integer, rounding to integers is ReLU already.
            let y = if hidden && fused && qparams.zero_point.0 > 0 { self.relu(&name) } else { name.clone() };
            x = match hidden {
                true => self.through_integers(&y, &name, qparams),
                false => self.through_integers_to(&y, &name, qparams, "logits"),
            };
            if hidden && !fused {
                let y = self.relu_of(&x, &format!("relu{number}"));
                x = self.through_integers(&y, &format!("relu{number}"), qparams);
            }
            x_scale = qparams.scale.get();
        }
    }

    fn dynamic(&mut self, mlp: &QuantizedMlp) {
        let mut x = "input".to_owned();
        for (number, layer) in (1..).zip(mlp.layers()) {
            let name = format!("linear{number}");
            let (outputs, inputs) = layer.weight.dim();
            let part = |part: &str| format!("{name}.{part}");
            // MatMulInteger wants `[inputs, outputs]`.
            let weight = layer.weight.t().iter().map(|&w| w as u8).collect();
            let weight = self.constant(&part("weight"), Type::I8, &[inputs, outputs], weight);
            let scales = scales(&layer.weight_scale);
            let shape: &[usize] = if scales.len() == 1 { &[] } else { &[outputs] };
            let weight_scale = self.reals(&part("weight_scale"), shape, scales.iter());
            let bias = self.reals(&part("bias"), &[outputs], layer.bias.iter());
            let [q, scale, zero_point] = ["q", "x_scale", "x_zero_point"].map(part);
            self.node("DynamicQuantizeLinear", &[&x], &[&q, &scale, &zero_point], &[]);
            self.node("MatMulInteger", &[&q, &weight, &zero_point], &[&part("sums")], &[]);
            self.node("Cast", &[&part("sums")], &[&part("real_sums")], &[("to", Type::F32 as u64)]);
            self.node("Mul", &[&scale, &weight_scale], &[&part("scale")], &[]);
            self.node("Mul", &[&part("real_sums"), &part("scale")], &[&part("products")], &[]);
            let last = number == 3;
            self.node("Add", &[&part("products"), &bias], &[if last { "logits" } else { &name }], &[]);
            x = if last { name } else { self.relu(&name) };
        }
    }

    fn relu(&mut self, x: &str) -> String {
        self.relu_of(x, &format!("{x}.relu"))
    }

    fn relu_of(&mut self, x: &str, y: &str) -> String {
        self.node("Relu", &[x], &[y], &[]);
        y.to_owned()
    }

    /// `x` rounded to integers and back; the tensors are named after `name`.
    fn through_integers(&mut self, x: &str, name: &str, qparams: QParams) -> String {
        self.through_integers_to(x, name, qparams, &format!("{name}.real"))
    }

    fn through_integers_to(&mut self, x: &str, name: &str, qparams: QParams, y: &str) -> String {
        let scale = self.reals(&format!("{name}.scale"), &[], [qparams.scale.get()].iter());
        let zero_point = vec![qparams.zero_point.0];
        let zero_point = self.constant(&format!("{name}.zero_point"), Type::U8, &[], zero_point);
        let q = format!("{name}.q");
        self.node("QuantizeLinear", &[x, &scale, &zero_point], &[&q], &[]);
        self.node("DequantizeLinear", &[&q, &scale, &zero_point], &[y], &[]);
        y.to_owned()
    }

    /// A layer's weights and bias as integers, made real again: the bias in steps of `x_scale · weight_scale`.
    fn integer_constants(&mut self, name: &str, layer: &QuantizedLinear, x_scale: f32) -> [String; 2] {
        let (outputs, inputs) = layer.weight.dim();
        let scales = scales(&layer.weight_scale);
        let bias_scales: Vec<f32> = scales.iter().map(|scale| x_scale * scale).collect();
        let bias = layer.bias.iter().zip(bias_scales.iter().cycle());
        let bias = bias.flat_map(|(bias, scale)| ((bias / scale).round_ties_even() as i32).to_le_bytes());
        let weight = layer.weight.iter().map(|&w| w as u8).collect();
        let tensors = [
            ("weight", Type::I8, vec![outputs, inputs], weight, scales),
            ("bias", Type::I32, vec![outputs], bias.collect::<Vec<u8>>(), bias_scales),
        ];
        tensors.map(|(part, kind, shape, bytes, scales)| {
            let name = format!("{name}.{part}");
            let q = self.constant(&format!("{name}.q"), kind, &shape, bytes);
            let one = scales.len() == 1;
            let shape: &[usize] = if one { &[] } else { &[outputs] };
            let scale = self.reals(&format!("{name}.scale"), shape, scales.iter());
            let axis: &[(&str, u64)] = if one { &[] } else { &[("axis", 0)] };
            // Zero points are optional, but onnxruntime fuses only with them.
            let size = if matches!(kind, Type::I32) { 4 } else { 1 };
            let zeros = vec![0; scales.len() * size];
            let zero_point = self.constant(&format!("{name}.zero_point"), kind, shape, zeros);
            self.node("DequantizeLinear", &[&q, &scale, &zero_point], &[&name], axis);
            name
        })
    }

    fn reals<'a>(&mut self, name: &str, shape: &[usize], values: impl Iterator<Item = &'a f32>) -> String {
        self.constant(name, Type::F32, shape, values.flat_map(|value| value.to_le_bytes()).collect())
    }

    /// Adds a TensorProto with its little-endian bytes.
    fn constant(&mut self, name: &str, kind: Type, shape: &[usize], bytes: Vec<u8>) -> String {
        let tensor = shape.iter().fold(Message::default(), |tensor, &size| tensor.number(1, size as u64));
        let tensor = tensor.number(2, kind as u64).text(8, name).bytes(9, &bytes);
        self.0 = std::mem::take(&mut self.0).message(5, tensor);
        name.to_owned()
    }

    /// Adds a NodeProto, named after its first output.
    fn node(&mut self, operator: &str, inputs: &[&str], outputs: &[&str], attributes: &[(&str, u64)]) {
        const INT: u64 = 2;
        let node = inputs.iter().fold(Message::default(), |node, input| node.text(1, input));
        let node = outputs.iter().fold(node, |node, output| node.text(2, output));
        let node = node.text(3, &format!("{}/{operator}", outputs[0])).text(4, operator);
        let node = attributes.iter().fold(node, |node, &(name, value)| {
            node.message(5, Message::default().text(1, name).number(3, value).number(20, INT))
        });
        self.0 = std::mem::take(&mut self.0).message(1, node);
    }
}

fn scales(weight_scale: &WeightScale) -> Vec<f32> {
    match weight_scale {
        WeightScale::PerTensor(scale) => vec![scale.get()],
        WeightScale::PerChannel(scales) => scales.iter().map(|scale| scale.get()).collect(),
    }
}

/// A ValueInfoProto: real numbers `[batch, columns]`.
fn value(name: &str, columns: usize) -> Message {
    let batch = Message::default().text(2, "batch");
    let columns = Message::default().number(1, columns as u64);
    let shape = Message::default().message(1, batch).message(1, columns);
    let tensor = Message::default().number(1, Type::F32 as u64).message(2, shape);
    Message::default().text(1, name).message(2, Message::default().message(1, tensor))
}

/// A message of protocol buffers: its fields, one after the other.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        const LENGTH_DELIMITED: u64 = 2;
        self.varint(field << 3 | LENGTH_DELIMITED);
        self.varint(value.len() as u64);
        self.0.extend(value);
        self
    }

    fn text(self, field: u64, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    fn message(self, field: u64, value: Message) -> Self {
        self.bytes(field, &value.0)
    }

    /// Seven bits a byte, the lowest first; the top bit says that more follow.
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The fields of a message, by number; bytes of what has a length, little-endian bytes of numbers.
    fn fields(mut message: &[u8]) -> BTreeMap<u64, Vec<Vec<u8>>> {
        fn varint(message: &mut &[u8]) -> u64 {
            let length = 1 + message.iter().position(|&byte| byte < 0x80).expect("an end");
            let (number, rest) = message.split_at(length);
            *message = rest;
            number.iter().rev().fold(0, |value, &byte| value << 7 | u64::from(byte & 0x7f))
        }
        let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
        while !message.is_empty() {
            let key = varint(&mut message);
            let value = varint(&mut message);
            let value = match key & 7 {
                0 => value.to_le_bytes().to_vec(),
                2 => message.split_off(..value as usize).expect("as many bytes as it says").to_vec(),
                kind => panic!("no field of wire type {kind} is written"),
            };
            found.entry(key >> 3).or_default().push(value);
        }
        found
    }

    fn number(bytes: &[u8]) -> u64 {
        u64::from_le_bytes(bytes.try_into().expect("a number"))
    }

    #[test]
    fn every_tensor_is_whole_and_made_before_it_is_used() {
        for name in ["float32", "static", "fused", "dynamic"] {
            let path = format!("{}/../../www/models/drawings-{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
            let model = digit8_data::model::read(path.as_ref()).expect("the shipped model").model;
            let bytes = write(&model);
            let model = fields(&bytes);
            let graph = fields(&model[&7][0]);
            let mut known = vec![fields(&graph[&11][0])[&1][0].clone()];
            for tensor in &graph[&5] {
                let tensor = fields(tensor);
                let count: u64 = tensor.get(&1).map_or(1, |shape| shape.iter().map(|n| number(n)).product());
                let size = match number(&tensor[&2][0]) {
                    1 | 6 => 4,
                    2 | 3 => 1,
                    other => panic!("element type {other}"),
                };
                assert_eq!(tensor[&9][0].len() as u64, count * size, "{name}");
                known.push(tensor[&8][0].clone());
            }
            for node in &graph[&1] {
                let node = fields(node);
                for input in &node[&1] {
                    assert!(known.contains(input), "{name}: {}", String::from_utf8_lossy(input));
                }
                for output in &node[&2] {
                    assert!(!known.contains(output), "{name}: {} twice", String::from_utf8_lossy(output));
                    known.push(output.clone());
                }
            }
            assert_eq!(known.last(), Some(&b"logits".to_vec()));
        }
    }
}
