//! The float32 network: Gemm and Relu.

use digit8_core::float::Mlp;

use super::graph::Builder;
use crate::proto::data_type;
use crate::tensor::Values;

/// The whole network, from `normalized` to `logits`.
pub fn network(graph: &mut Builder, mlp: &Mlp, normalized: &str) {
    let mut x = normalized.to_owned();
    for (number, layer) in (1..).zip(mlp.layers()) {
        let name = format!("linear{number}");
        let (outputs, inputs) = layer.weight.dim();
        let weight = Values::F32(layer.weight.iter().copied().collect());
        let weight = graph.constant(&format!("{name}.weight"), &[outputs, inputs], weight);
        let bias = graph.constant(&format!("{name}.bias"), &[outputs], Values::F32(layer.bias.to_vec()));
        let last = number == 3;
        let y = if last { "logits" } else { &name };
        graph.node_with("Gemm", &[&x, &weight, &bias], y, &[("transB", 1)]);
        if !last {
            graph.step(&name, data_type::FLOAT, outputs);
            x = graph.node("Relu", &[y], &format!("relu{number}"));
            graph.step(&x, data_type::FLOAT, outputs);
        }
    }
}
