//! The form `exact`: operators that do, one after the other, what digit8's kernels do, so that a runtime which keeps to the
//! standard gives the same integers in every layer.
//!
//! - Weights are `uint8` with the zero point 128. As `int8` they would be the same numbers, but on x86 CPUs without VNNI some
//!   runtimes multiply `uint8` by `int8` in pairs whose sum saturates; two `uint8` they multiply exactly.
//! - The fused multiply-add of rules 6 and 8 is computed in `double` and rounded to `float`: the product of two `float` is exact
//!   there. The sum is rounded twice, which gives another result only if the first rounding lands in the middle
//!   between two `float`: about once in 2²⁹ sums.
//! - Rounding is `Round` (half to even), saturating is `Clip`.

use digit8_core::digits::PIXELS;
use digit8_core::int8::{Activations, QuantizedLinear, QuantizedMlp};
use digit8_core::quant::{QParams, WeightScale};

use super::graph::Builder;
use crate::proto::data_type;
use crate::tensor::Values;

const LAYERS: [&str; 3] = ["linear1", "linear2", "linear3"];

/// The whole network, from `normalized` to `logits`.
pub fn network(graph: &mut Builder, mlp: &QuantizedMlp, normalized: &str) {
    match *mlp.activations() {
        Activations::Static { fused, input, outputs } => fixed(graph, mlp, fused, input, outputs, normalized),
        Activations::Dynamic => dynamic(graph, mlp, normalized),
    }
}

/// Static quantization: scales and zero points are constants.
fn fixed(
    graph: &mut Builder,
    mlp: &QuantizedMlp,
    fused: bool,
    input: QParams,
    outputs: [QParams; 3],
    normalized: &str,
) {
    let reciprocal = graph.real("quant.reciprocal", input.scale.get().recip());
    let steps = graph.node("Mul", &[normalized, &reciprocal], "quant.steps");
    let mut x = to_integers(graph, &steps, "quant", input, 0);
    graph.step("quant", data_type::UINT8, PIXELS);
    let mut x_qparams = input;
    for ((index, layer), output) in mlp.layers().iter().enumerate().zip(outputs) {
        let (name, hidden) = (LAYERS[index], index < 2);
        let steps = requantized(graph, name, layer, &x, x_qparams, output);
        let least = if fused && hidden { output.zero_point.0 } else { 0 };
        x = to_integers(graph, &steps, name, output, least);
        graph.step(name, data_type::UINT8, layer.bias.len());
        if hidden && !fused {
            let zero_point = zero_point(graph, name, output);
            let relu = format!("relu{}", index + 1);
            x = graph.node("Clip", &[&x, &zero_point], &relu);
            graph.step(&relu, data_type::UINT8, layer.bias.len());
        }
        x_qparams = output;
    }
    let last = graph.real("linear3.zero_point.float", x_qparams.zero_point.0.into());
    let scale = graph.real("linear3.scale", x_qparams.scale.get());
    let q = graph.cast_float(&x, "logits.integers");
    let steps = graph.node("Sub", &[&q, &last], "logits.steps");
    graph.node("Mul", &[&steps, &scale], "logits");
}

fn zero_point(graph: &mut Builder, name: &str, qparams: QParams) -> String {
    graph.constant(&format!("{name}.zero_point"), &[], Values::U8(vec![qparams.zero_point.0]))
}

/// `uint8(clamp(rint(steps) + zero_point, least, most))`, where `most` is 255 or that of fewer bits, under the name of the step.
fn to_integers(graph: &mut Builder, steps: &str, name: &str, qparams: QParams, least: u8) -> String {
    let zero = graph.real(&format!("{name}.zero_point.float"), qparams.zero_point.0.into());
    let most = qparams.max;
    let ends = [
        graph.real(&format!("least.{least}"), least.into()),
        graph.real(&format!("most.{most}"), most.into()),
    ];
    let rounded = graph.node("Round", &[steps], &format!("{name}.rounded"));
    let shifted = graph.node("Add", &[&rounded, &zero], &format!("{name}.shifted"));
    let clipped = graph.node("Clip", &[&shifted, &ends[0], &ends[1]], &format!("{name}.clipped"));
    graph.cast_bytes(&clipped, name)
}

/// `Σ (x - zx) · w` of a layer.
fn accumulator(graph: &mut Builder, name: &str, layer: &QuantizedLinear, x: &str, x_zero: &str) -> String {
    const WEIGHT_ZERO_POINT: u8 = 128;
    let (outputs, inputs) = layer.weight.dim();
    // MatMulInteger wants `[inputs, outputs]`.
    let weight = layer.weight.t().iter().map(|&w| w as u8 ^ WEIGHT_ZERO_POINT).collect();
    let weight = graph.constant(&format!("{name}.weight"), &[inputs, outputs], Values::U8(weight));
    let weight_zero = graph.constant("weight.zero_point", &[], Values::U8(vec![WEIGHT_ZERO_POINT]));
    graph.node("MatMulInteger", &[x, &weight, x_zero, &weight_zero], &format!("{name}.accumulator"))
}

/// The weights' scales: one, or one for each neuron, with their shape.
fn scales(layer: &QuantizedLinear) -> (Vec<f32>, Vec<usize>) {
    match &layer.weight_scale {
        WeightScale::PerTensor(scale) => (vec![scale.get()], vec![]),
        WeightScale::PerChannel(scales) => {
            (scales.iter().map(|scale| scale.get()).collect(), vec![scales.len()])
        }
    }
}

/// A layer's sums with bias, in steps of its output (rule 6), before they are rounded.
fn requantized(
    graph: &mut Builder,
    name: &str,
    layer: &QuantizedLinear,
    x: &str,
    input: QParams,
    output: QParams,
) -> String {
    let part = |part: &str| format!("{name}.{part}");
    let x_zero = graph.constant(&part("input_zero_point"), &[], Values::U8(vec![input.zero_point.0]));
    let accumulator = accumulator(graph, name, layer, x, &x_zero);
    let sums = graph.cast_float(&accumulator, &part("sums"));
    let (scales, shape) = scales(layer);
    let products: Vec<f32> = scales.iter().map(|scale| input.scale.get() * scale).collect();
    let multiplier = products.iter().map(|product| product / output.scale.get()).collect();
    let multiplier = graph.constant(&part("multiplier"), &shape, Values::F32(multiplier));
    let outputs = layer.bias.len();
    let with_bias = match &layer.weight_scale {
        WeightScale::PerTensor(_) => {
            // fma(bias, 1 / (sx·sw), acc)
            let reciprocal = f64::from(products[0].recip());
            let bias = layer.bias.iter().map(|&bias| f64::from(bias) * reciprocal).collect();
            let bias = graph.constant(&part("bias"), &[outputs], Values::F64(bias));
            let sums = graph.cast_double(&sums, &part("sums.double"));
            let sums = graph.node("Add", &[&sums, &bias], &part("with_bias.double"));
            graph.cast_float(&sums, &part("with_bias"))
        }
        WeightScale::PerChannel(_) => {
            let bias = layer.bias.iter().zip(&products).map(|(bias, product)| bias / product).collect();
            let bias = graph.constant(&part("bias"), &[outputs], Values::F32(bias));
            graph.node("Add", &[&sums, &bias], &part("with_bias"))
        }
    };
    graph.node("Mul", &[&with_bias, &multiplier], &part("steps"))
}

/// Dynamic quantization: scales and zero points are computed from each batch (rule 8).
fn dynamic(graph: &mut Builder, mlp: &QuantizedMlp, normalized: &str) {
    let mut x = normalized.to_owned();
    for (index, layer) in mlp.layers().iter().enumerate() {
        let name = LAYERS[index];
        let part = |part: &str| format!("{name}.{part}");
        let [scale, zero_point] = dynamic_qparams(graph, &x, name);
        let reciprocal = graph.node("Reciprocal", &[&scale], &part("input_reciprocal"));
        let steps = graph.node("Mul", &[&x, &reciprocal], &part("input_steps"));
        let rounded = graph.node("Round", &[&steps], &part("input_rounded"));
        let zero = graph.cast_float(&zero_point, &part("input_zero_point.float"));
        let shifted = graph.node("Add", &[&rounded, &zero], &part("input_shifted"));
        let ends = [graph.real("least.0", 0.0), graph.real("most", 255.0)];
        let clipped = graph.node("Clip", &[&shifted, &ends[0], &ends[1]], &part("input_clipped"));
        let q = graph.cast_bytes(&clipped, &part("input"));
        let accumulator = accumulator(graph, name, layer, &q, &zero_point);
        // fma(acc, sx·sw, bias)
        let (scales, shape) = scales(layer);
        let scales = graph.constant(&part("weight_scale"), &shape, Values::F32(scales));
        let factor = graph.node("Mul", &[&scale, &scales], &part("factor"));
        let factor = graph.cast_double(&factor, &part("factor.double"));
        let sums = graph.cast_float(&accumulator, &part("sums"));
        let sums = graph.cast_double(&sums, &part("sums.double"));
        let products = graph.node("Mul", &[&sums, &factor], &part("products"));
        let bias = layer.bias.iter().map(|&bias| bias.into()).collect();
        let bias = graph.constant(&part("bias"), &[layer.bias.len()], Values::F64(bias));
        let real = graph.node("Add", &[&products, &bias], &part("double"));
        let last = index == 2;
        let y = graph.cast_float(&real, if last { "logits" } else { name });
        graph.real_step(name, &y, layer.bias.len());
        x = if last { y } else { graph.node("Relu", &[&y], &format!("relu{}", index + 1)) };
    }
}

/// Scale (`float`) and zero point (`uint8`) of a batch, as FBGEMM chooses them with `reduce_range`.
fn dynamic_qparams(graph: &mut Builder, x: &str, name: &str) -> [String; 2] {
    const SMALLEST: f32 = 6.1e-5;
    const QMAX: f64 = 127.0;
    let part = |part: &str| format!("{name}.range.{part}");
    let double =
        |graph: &mut Builder, name: &str, value: f64| graph.constant(name, &[], Values::F64(vec![value]));
    let zero = graph.real("zero", 0.0);
    let qmax = double(graph, "qmax.double", QMAX);
    let zero_double = double(graph, "zero.double", 0.0);

    let min = graph.node_with("ReduceMin", &[x], &part("least"), &[("keepdims", 0)]);
    let min = graph.node("Min", &[&min, &zero], &part("min"));
    let max = graph.node_with("ReduceMax", &[x], &part("greatest"), &[("keepdims", 0)]);
    let max = graph.node("Max", &[&max, &zero], &part("max"));

    // A scale that is 0, or whose reciprocal is infinite, becomes 0.1.
    let [min_double, max_double] =
        [(&min, "min.double"), (&max, "max.double")].map(|(x, name)| graph.cast_double(x, &part(name)));
    let width = graph.node("Sub", &[&max_double, &min_double], &part("width"));
    let scale = graph.node("Div", &[&width, &qmax], &part("scale.wanted"));
    let scale_float = graph.cast_float(&scale, &part("scale.wanted.float"));
    let is_zero = graph.node("Equal", &[&scale_float, &zero], &part("scale.is_zero"));
    let reciprocal = graph.node("Reciprocal", &[&scale_float], &part("scale.reciprocal"));
    let is_tiny = graph.node("IsInf", &[&reciprocal], &part("scale.is_tiny"));
    let is_bad = graph.node("Or", &[&is_zero, &is_tiny], &part("scale.is_bad"));
    let tenth = double(graph, "tenth.double", 0.1);
    let scale = graph.node("Where", &[&is_bad, &tenth, &scale], &part("scale.usable"));

    // A scale below 6.1e-5 becomes that, and the range is widened to fit it.
    let smallest = graph.real("smallest", SMALLEST);
    let smallest_double = double(graph, "smallest.double", SMALLEST.into());
    let is_small = graph.node("Less", &[&scale, &smallest_double], &part("is_small"));
    let scale_float = graph.cast_float(&scale, &part("scale.usable.float"));
    let amplifier = graph.node("Div", &[&smallest, &scale_float], &part("amplifier"));
    let scale = graph.node("Where", &[&is_small, &smallest_double, &scale], &part("scale.double"));
    let wide = graph.real("smallest.range", SMALLEST * QMAX as f32);
    let minus_wide = graph.real("smallest.minus_range", -SMALLEST * QMAX as f32);
    let no_min = graph.node("Equal", &[&min, &zero], &part("no_min"));
    let no_max = graph.node("Equal", &[&max, &zero], &part("no_max"));
    let amplified = graph.node("Mul", &[&max, &amplifier], &part("max.amplified"));
    let wider = graph.node("Where", &[&no_min, &wide, &amplified], &part("max.wider"));
    let max = graph.node("Where", &[&is_small, &wider, &max], &part("max.used"));
    let amplified = graph.node("Mul", &[&min, &amplifier], &part("min.amplified"));
    let wider = graph.node("Where", &[&no_max, &minus_wide, &amplified], &part("min.wider"));
    let wider = graph.node("Where", &[&no_min, &min, &wider], &part("min.wider.if_any"));
    let min = graph.node("Where", &[&is_small, &wider, &min], &part("min.used"));

    // The end with the smaller error decides where zero lies.
    let [min, max] = [(&min, "min.used.double"), (&max, "max.used.double")]
        .map(|(x, name)| graph.cast_double(x, &part(name)));
    let from_min = graph.node("Div", &[&min, &scale], &part("from_min"));
    let from_max = graph.node("Div", &[&max, &scale], &part("from_max"));
    let magnitude = graph.node("Abs", &[&from_min], &part("from_min.magnitude"));
    let min_error = graph.node("Sub", &[&zero_double, &magnitude], &part("min_error"));
    let magnitude = graph.node("Abs", &[&from_max], &part("from_max.magnitude"));
    let max_error = graph.node("Sub", &[&qmax, &magnitude], &part("max_error"));
    let by_min = graph.node("Sub", &[&zero_double, &from_min], &part("zero_point.by_min"));
    let by_max = graph.node("Sub", &[&qmax, &from_max], &part("zero_point.by_max"));
    let choice = graph.node("Less", &[&min_error, &max_error], &part("by_min"));
    let exact = graph.node("Where", &[&choice, &by_min, &by_max], &part("zero_point.exact"));
    let clipped = graph.node("Clip", &[&exact, &zero_double, &qmax], &part("zero_point.clipped"));
    let rounded = graph.node("Round", &[&clipped], &part("zero_point.rounded"));
    [
        graph.cast_float(&scale, &format!("{name}.input_scale")),
        graph.cast_bytes(&rounded, &format!("{name}.input_zero_point")),
    ]
}
