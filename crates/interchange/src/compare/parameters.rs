//! Weights, scales and zero points of two quantized networks: what is not the same, and the known cause that it looks like.

use std::fmt;

use digit8_core::int8::{Activations, QuantizedLinear, QuantizedMlp};
use digit8_core::quant::{QParams, WeightScale};

use super::STEPS;

/// Why parameters differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The networks are quantized by different schemes.
    Scheme,
    /// One has a weight scale for the matrix, the other one for each output channel.
    Granularity,
    /// One divides the greatest weight by 127.5, as PyTorch does, the other by 127, as the textbook does.
    Divisor,
    /// One aims activations at 7 bits (`reduce_range`), the other at 8.
    Bits,
    /// The observers saw other ranges: other calibration digits, or another kind of observer.
    Range,
    /// One keeps the bias real, the other rounds it to int32 steps.
    Bias,
    /// The float networks themselves are not the same.
    Weights,
}

impl Cause {
    /// The cause in a few words.
    pub fn describe(self) -> &'static str {
        match self {
            Cause::Scheme => "another scheme",
            Cause::Granularity => "one weight scale for each matrix, or for each output channel",
            Cause::Divisor => "the greatest weight over 127.5 (PyTorch), or over 127 (textbook)",
            Cause::Bits => "activations of 7 bits (reduce_range), or of 8",
            Cause::Range => "another calibration or observer: the range is another",
            Cause::Bias => "a real bias (PyTorch), or one of int32 steps (paper, QDQ)",
            Cause::Weights => {
                "other weights: the float networks are not the same, or were rounded by another method"
            }
        }
    }
}

/// A parameter that is not the same in both.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Which one, for example `linear1.weight_scale`.
    pub name: String,
    /// Both values, in words.
    pub values: [String; 2],
    /// What the difference looks like.
    pub cause: Cause,
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let [first, second] = &self.values;
        write!(f, "{}: {first} and {second}; {}", self.name, self.cause.describe())
    }
}

/// All parameters that differ.
pub fn differences(first: &QuantizedMlp, second: &QuantizedMlp) -> Vec<Parameter> {
    let mut found = Vec::new();
    if first.scheme() != second.scheme() {
        let values = [first, second].map(|mlp| mlp.scheme().to_string());
        found.push(Parameter { name: "scheme".into(), values, cause: Cause::Scheme });
    }
    let qparams = [first, second].map(activations);
    for (index, name) in STEPS.into_iter().enumerate() {
        if let [Some(a), Some(b)] = qparams.each_ref().map(|qparams| qparams.map(|qparams| qparams[index])) {
            found.extend(activation(name, a, b));
        }
    }
    let inputs = qparams.map(|qparams| qparams.map(|[a, b, c, _]| [a, b, c]));
    for (index, (a, b)) in first.layers().iter().zip(second.layers()).enumerate() {
        found.extend(layer(STEPS[index + 1], a, b, inputs[0].map(|inputs| inputs[index])));
    }
    found
}

fn activations(mlp: &QuantizedMlp) -> Option<[QParams; 4]> {
    match *mlp.activations() {
        Activations::Static { input, outputs: [a, b, c], .. } => Some([input, a, b, c]),
        Activations::Dynamic => None,
    }
}

fn activation(name: &str, a: QParams, b: QParams) -> Option<Parameter> {
    if a == b {
        return None;
    }
    let ratio = f64::from(a.scale.get()) / f64::from(b.scale.get());
    let is_near = |wanted: f64| (ratio / wanted - 1.0).abs() < 1e-3;
    let cause = if is_near(255.0 / 127.0) || is_near(127.0 / 255.0) { Cause::Bits } else { Cause::Range };
    let shown = |q: QParams| format!("scale {}, zero point {}", q.scale, q.zero_point);
    Some(Parameter { name: name.into(), values: [shown(a), shown(b)], cause })
}

fn layer(name: &str, a: &QuantizedLinear, b: &QuantizedLinear, input: Option<QParams>) -> Vec<Parameter> {
    let mut found = Vec::new();
    if a.weight.dim() != b.weight.dim() {
        let values = [a, b].map(|layer| format!("{:?}", layer.weight.dim()));
        return vec![Parameter { name: format!("{name}.weight"), values, cause: Cause::Weights }];
    }
    let scales = scale_cause(&a.weight_scale, &b.weight_scale);
    if let Some(cause) = scales {
        let values = [a, b].map(|layer| shown(&layer.weight_scale));
        found.push(Parameter { name: format!("{name}.weight_scale"), values, cause });
    }
    let differing = a.weight.iter().zip(&b.weight).filter(|(a, b)| a != b).count();
    if differing > 0 {
        let values = [format!("{} integers", a.weight.len()), format!("the same but for {differing}")];
        found.push(Parameter {
            name: format!("{name}.weight"),
            values,
            cause: scales.unwrap_or(Cause::Weights),
        });
    }
    let biases = || a.bias.iter().zip(&b.bias).enumerate();
    let differing = biases().filter(|(_, (a, b))| a != b).count();
    if differing > 0 {
        // Half a step of the input's scale times the weights' is the most that rounding to int32 changes.
        let half =
            |row: usize| input.map_or(0.0, |input| input.scale.get() * a.weight_scale.of(row).get() * 0.501);
        let rounded = biases().all(|(row, (a, b))| (a - b).abs() <= half(row));
        let most = biases().map(|(_, (a, b))| (a - b).abs()).fold(0.0, f32::max);
        let values = [format!("{differing} values"), format!("by {most:e} at most")];
        let cause = if rounded { Cause::Bias } else { Cause::Weights };
        found.push(Parameter { name: format!("{name}.bias"), values, cause });
    }
    found
}

fn scale_cause(a: &WeightScale, b: &WeightScale) -> Option<Cause> {
    if a == b {
        return None;
    }
    match (a, b) {
        (WeightScale::PerTensor(a), WeightScale::PerTensor(b)) => Some(one_scale(a.get(), b.get())),
        (WeightScale::PerChannel(a), WeightScale::PerChannel(b)) => {
            let causes = a.iter().zip(b).filter(|(a, b)| a != b).map(|(a, b)| one_scale(a.get(), b.get()));
            causes.reduce(|a, b| if a == b { a } else { Cause::Range })
        }
        _ => Some(Cause::Granularity),
    }
}

fn one_scale(a: f32, b: f32) -> Cause {
    let ratio = f64::from(a) / f64::from(b);
    let is_near = |wanted: f64| (ratio / wanted - 1.0).abs() < 1e-4;
    if is_near(127.5 / 127.0) || is_near(127.0 / 127.5) { Cause::Divisor } else { Cause::Range }
}

fn shown(scale: &WeightScale) -> String {
    match scale {
        WeightScale::PerTensor(scale) => scale.to_string(),
        WeightScale::PerChannel(scales) => {
            let values = || scales.iter().map(|scale| scale.get());
            let (least, most) = (values().fold(f32::INFINITY, f32::min), values().fold(0.0, f32::max));
            format!("{} scales from {least} to {most}", scales.len())
        }
    }
}
