use digit8_core::digits::{SIDE, normalized};
use digit8_core::quant::textbook::{FixedPoint, Linear};
use maud::{Markup, html};

use crate::lab::Lab;
use crate::network::Calibrated;
use digit8_host::terminal::{Table, thousands};
use digit8_report::chart::short;
use digit8_report::page;

/// One neuron of linear1 for test image 0, computed step by step: the one that answers most.
pub struct Neuron {
    number: usize,
    /// The float network's answer.
    real: f64,
    /// The greatest products, in real numbers and in integers.
    terms: Table<7>,
    inputs: usize,
    bias: f64,
    linear: Linear,
    integer_bias: i32,
    sum: i32,
    fixed: Option<FixedPoint>,
    pytorch: Pytorch,
}

/// PyTorch's way with the same neuron (rule 6).
struct Pytorch {
    sum: i32,
    /// With the bias, in steps of the sum.
    total: f32,
    multiplier: f32,
    zero_point: u8,
    output: u8,
}

impl Neuron {
    pub fn new(lab: &Lab, linear: &Linear, quantized: &Calibrated) -> Self {
        let outputs = lab.outputs[0].row(0);
        let number = (0..outputs.len()).max_by(|&a, &b| outputs[a].total_cmp(&outputs[b])).unwrap_or(0);
        let table = normalized();
        let x: Vec<f32> = lab.dataset.test.image(0).iter().map(|&pixel| table[usize::from(pixel)]).collect();
        let inputs = linear.quantize(&x);
        let weights = lab.mlp.layers()[0].weight.row(number);
        let integers = &linear.weight[number * x.len()..][..x.len()];

        let mut order: Vec<usize> = (0..x.len()).collect();
        order.sort_by(|&a, &b| (x[b] * weights[b]).abs().total_cmp(&(x[a] * weights[a]).abs()));
        let term = |at: usize| {
            let (q, w) = (inputs[at] - linear.input.zero_point, integers[at]);
            [
                format!("row {}, column {}", at / SIDE, at % SIDE),
                format!("{:.4}", x[at]),
                format!("{:.4}", weights[at]),
                format!("{:.4}", x[at] * weights[at]),
                q.to_string(),
                w.to_string(),
                (i32::from(q) * i32::from(w)).to_string(),
            ]
        };
        let headings = ["pixel", "x", "w", "x·w", "q_x − Z_x", "q_w", "their product"];
        Self {
            number,
            real: outputs[number].into(),
            terms: Table::new(headings, order.into_iter().take(4).map(term)),
            inputs: x.len(),
            bias: lab.mlp.layers()[0].bias[number].into(),
            integer_bias: linear.bias[number],
            sum: linear.sums(&inputs)[number],
            fixed: linear.fixed_point().ok(),
            pytorch: Pytorch::new(quantized, &x, number),
            linear: linear.clone(),
        }
    }

    /// The steps: what is done, and with which numbers.
    fn steps(&self) -> Vec<(&'static str, String)> {
        let Linear { input, weights, output, .. } = self.linear;
        let (sum, bias) = (self.sum, self.integer_bias);
        let multiplier = self.linear.multiplier();
        let steps = multiplier * f64::from(sum);
        let integer = self.linear.requantize(sum);
        let dequantized = output.dequantize(integer);
        let off = dequantized - self.real;
        let zero_point = output.zero_point;
        let mut all = vec![
            (
                "In real numbers, the float32 network’s answer",
                format!("Σ x·w + b = {:.4} {} = {:.4}", self.real - self.bias, added(self.bias), self.real),
            ),
            (
                "The same products as integers, added up exactly",
                format!("Σ (q_x − Z_x)·q_w = {}", whole(sum - bias)),
            ),
            (
                "The bias in steps of the same size",
                format!(
                    "q_b = round(b / (S_x·S_w)) = round({:.4} / ({:.6} · {:.6})) = {}",
                    self.bias,
                    input.scale,
                    weights.scale,
                    whole(bias)
                ),
            ),
            ("Together", format!("{} + ({}) = {}", whole(sum - bias), whole(bias), whole(sum))),
            (
                "From steps of the sum to steps of the output",
                format!("M · {0} = {multiplier:.8} · {0} = {steps:.4}", whole(sum)),
            ),
            (
                "Rounded, and the zero point added",
                format!("q_y = round({steps:.4}) + {zero_point} = {integer}"),
            ),
            (
                "What that integer stands for",
                format!(
                    "S_y·(q_y − Z_y) = {:.6} · ({integer} − {zero_point}) = {dequantized:.4}, which is off by {}: {:.2} of a step",
                    output.scale,
                    short(off),
                    (off / output.scale).abs()
                ),
            ),
        ];
        if let Some(fixed) = self.fixed {
            let FixedPoint { multiplier, shift } = fixed;
            all.push((
                "Without any real number, the paper’s way: M as an integer and a shift",
                format!(
                    "q_y = {} · {} / 2{} / 2{} + {zero_point} = {}",
                    whole(sum),
                    whole(multiplier),
                    superscript(31),
                    superscript(shift),
                    self.linear.requantize_on_integers(fixed, sum)
                ),
            ));
        }
        let Pytorch { sum, total, multiplier, zero_point, output } = &self.pytorch;
        all.push((
            "PyTorch’s way: weights in steps by 127.5, the bias real, all in float32",
            format!(
                "Σ = {}, with the bias {total}; q_y = round({total} · {multiplier}) + {zero_point} = {output}",
                whole(*sum)
            ),
        ));
        all
    }

    pub fn tell(&self) -> String {
        let steps = self.steps().into_iter().map(|(what, numbers)| format!("{what}\n    {numbers}"));
        format!(
            "Neuron {} of linear1, test image 0. Its greatest products:\n\n{}\n\n{}",
            self.number,
            self.terms.text(),
            steps.collect::<Vec<_>>().join("\n")
        )
    }

    pub fn page(&self) -> Markup {
        html! {
            h3 { "One neuron, step by step" }
            p { "Neuron " (self.number) " answers test image 0 most strongly. It adds up " (self.inputs) " products and \
                 a bias:" }
            (page::table(&self.terms, "The greatest products, of real numbers and of integers"))
            p { "This is the way from there to its output:" }
            ol.steps { @for (what, numbers) in self.steps() { li { (what) div { (page::math(&numbers)) } } } }
        }
    }
}

impl Pytorch {
    fn new(quantized: &Calibrated, x: &[f32], neuron: usize) -> Self {
        let Calibrated { int8, input, outputs: [output, ..], .. } = quantized;
        let layer = &int8.layers()[0];
        let weights = layer.weight.row(neuron);
        let product = |(&x, &w): (&f32, &i8)| {
            (i32::from(input.quantize(x)) - i32::from(input.zero_point.0)) * i32::from(w)
        };
        let sum: i32 = x.iter().zip(weights).map(product).sum();
        let step = input.scale.get() * layer.weight_scale.of(neuron).get();
        let total = layer.bias[neuron].mul_add(step.recip(), sum as f32);
        let multiplier = step / output.scale.get();
        let zero_point = output.zero_point.0;
        let rounded = (total * multiplier).round_ties_even() as i32 + i32::from(zero_point);
        Self { sum, total, multiplier, zero_point, output: rounded.clamp(0, 255) as u8 }
    }
}

fn whole(integer: i32) -> String {
    let sign = if integer < 0 { "-" } else { "" };
    format!("{sign}{}", thousands(integer.unsigned_abs() as usize))
}

/// A number with the sign that adds it.
fn added(real: f64) -> String {
    format!("{} {:.4}", if real < 0.0 { '−' } else { '+' }, real.abs())
}

fn superscript(number: u32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    number.to_string().bytes().map(|digit| DIGITS[usize::from(digit - b'0')]).collect()
}
