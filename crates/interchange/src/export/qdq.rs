//! The form `qdq`, which tools expect and optimise: each tensor goes through QuantizeLinear and DequantizeLinear, between float
//! operators that a runtime turns into products on integers. A dynamic network is DynamicQuantizeLinear and MatMulInteger.
//!
//! A few integers differ from digit8's, because the standard and the runtimes compute otherwise: QuantizeLinear divides by the
//! scale where PyTorch multiplies by its reciprocal; a static bias is an `int32`, where PyTorch keeps it real; dynamic
//! activations fill 0..=255, where PyTorch stops at 127.

use digit8_core::digits::PIXELS;
use digit8_core::int8::{Activations, QuantizedLinear, QuantizedMlp};
use digit8_core::quant::{QParams, WeightScale};

use super::graph::Builder;
use crate::proto::data_type;
use crate::tensor::Values;

/// The whole network, from `normalized` to `logits`.
pub fn network(graph: &mut Builder, mlp: &QuantizedMlp, normalized: &str) {
    match *mlp.activations() {
        Activations::Static { fused, input, outputs } => fixed(graph, mlp, fused, input, outputs, normalized),
        Activations::Dynamic => dynamic(graph, mlp, normalized),
    }
}

fn fixed(
    graph: &mut Builder,
    mlp: &QuantizedMlp,
    fused: bool,
    input: QParams,
    outputs: [QParams; 3],
    normalized: &str,
) {
    let mut x = through_integers(graph, normalized, "quant", input, "quant.real");
    graph.step("quant", data_type::UINT8, PIXELS);
    let mut x_scale = input.scale.get();
    for ((number, layer), qparams) in (1..).zip(mlp.layers()).zip(outputs) {
        let name = format!("linear{number}");
        let [weight, bias] = integer_constants(graph, &name, layer, x_scale);
        let y = graph.node_with("Gemm", &[&x, &weight, &bias], &format!("{name}.sums"), &[("transB", 1)]);
        let hidden = number < 3;
        // Where 0 is the least integer, rounding to integers is ReLU already.
        let y = match hidden && fused && qparams.zero_point.0 > 0 {
            true => graph.node("Relu", &[&y], &format!("{name}.relu")),
            false => y,
        };
        let real = if hidden { format!("{name}.real") } else { "logits".to_owned() };
        x = through_integers(graph, &y, &name, qparams, &real);
        graph.step(&name, data_type::UINT8, layer.bias.len());
        if hidden && !fused {
            let relu = format!("relu{number}");
            let y = graph.node("Relu", &[&x], &format!("{relu}.sums"));
            x = through_integers(graph, &y, &relu, qparams, &format!("{relu}.real"));
            graph.step(&relu, data_type::UINT8, layer.bias.len());
        }
        x_scale = qparams.scale.get();
    }
}

/// `x` rounded to integers, which have the name of the step, and back to `real`.
fn through_integers(graph: &mut Builder, x: &str, name: &str, qparams: QParams, real: &str) -> String {
    let scale = graph.real(&format!("{name}.scale"), qparams.scale.get());
    let zero_point = Values::U8(vec![qparams.zero_point.0]);
    let zero_point = graph.constant(&format!("{name}.zero_point"), &[], zero_point);
    let q = graph.node("QuantizeLinear", &[x, &scale, &zero_point], name);
    graph.node("DequantizeLinear", &[&q, &scale, &zero_point], real)
}

/// A layer's weights and bias as integers, made real again: the bias in steps of `x_scale · weight_scale`.
fn integer_constants(graph: &mut Builder, name: &str, layer: &QuantizedLinear, x_scale: f32) -> [String; 2] {
    let (outputs, inputs) = layer.weight.dim();
    let scales = scales(&layer.weight_scale);
    let one = scales.len() == 1;
    let bias_scales: Vec<f32> = scales.iter().map(|scale| x_scale * scale).collect();
    let bias = layer.bias.iter().zip(bias_scales.iter().cycle());
    let bias = Values::I32(bias.map(|(bias, scale)| (bias / scale).round_ties_even() as i32).collect());
    let weight = Values::I8(layer.weight.iter().copied().collect());
    // Zero points are optional, but onnxruntime fuses only with them.
    let zeros = [Values::I8(vec![0; scales.len()]), Values::I32(vec![0; scales.len()])];
    let tensors =
        [("weight", vec![outputs, inputs], weight, scales), ("bias", vec![outputs], bias, bias_scales)];
    let mut made = tensors.into_iter().zip(zeros).map(|((part, shape, integers, scales), zeros)| {
        let name = format!("{name}.{part}");
        let scales_shape: &[usize] = if one { &[] } else { &[outputs] };
        let q = graph.constant(&format!("{name}.q"), &shape, integers);
        let scale = graph.constant(&format!("{name}.scale"), scales_shape, Values::F32(scales));
        let zero_point = graph.constant(&format!("{name}.zero_point"), scales_shape, zeros);
        let axis: &[(&str, i64)] = if one { &[] } else { &[("axis", 0)] };
        graph.node_with("DequantizeLinear", &[&q, &scale, &zero_point], &name, axis)
    });
    [made.next().unwrap_or_default(), made.next().unwrap_or_default()]
}

fn dynamic(graph: &mut Builder, mlp: &QuantizedMlp, normalized: &str) {
    let mut x = normalized.to_owned();
    for (number, layer) in (1..).zip(mlp.layers()) {
        let name = format!("linear{number}");
        let (outputs, inputs) = layer.weight.dim();
        let part = |part: &str| format!("{name}.{part}");
        // MatMulInteger wants `[inputs, outputs]`.
        let weight = Values::I8(layer.weight.t().iter().copied().collect());
        let weight = graph.constant(&part("weight"), &[inputs, outputs], weight);
        let scales = scales(&layer.weight_scale);
        let shape: &[usize] = if scales.len() == 1 { &[] } else { &[outputs] };
        let weight_scale = graph.constant(&part("weight_scale"), shape, Values::F32(scales));
        let bias = graph.constant(&part("bias"), &[outputs], Values::F32(layer.bias.to_vec()));
        let [q, scale, zero_point] = ["input", "input_scale", "input_zero_point"].map(part);
        graph.outputs("DynamicQuantizeLinear", &[&x], &[&q, &scale, &zero_point], &[]);
        let sums = graph.node("MatMulInteger", &[&q, &weight, &zero_point], &part("accumulator"));
        let sums = graph.cast_float(&sums, &part("sums"));
        let factor = graph.node("Mul", &[&scale, &weight_scale], &part("factor"));
        let products = graph.node("Mul", &[&sums, &factor], &part("products"));
        let last = number == 3;
        let y = graph.node("Add", &[&products, &bias], if last { "logits" } else { &name });
        graph.real_step(&name, &y, outputs);
        if !last {
            x = graph.node("Relu", &[&y], &format!("relu{number}"));
        }
    }
}

fn scales(weight_scale: &WeightScale) -> Vec<f32> {
    match weight_scale {
        WeightScale::PerTensor(scale) => vec![scale.get()],
        WeightScale::PerChannel(scales) => scales.iter().map(|scale| scale.get()).collect(),
    }
}
