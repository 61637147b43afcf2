use digit8_core::digits::{SIDE, normalized};
use digit8_core::quant::textbook::{FixedPoint, Linear};
use maud::{Markup, html};

use crate::chart::short;
use crate::notebook::lab::Lab;
use crate::notebook::network::Calibrated;
use crate::notebook::page;
use crate::terminal::{Table, thousands};

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

    /// The steps: what is computed, with which numbers, and what comes out.
    fn steps(&self) -> Table<3> {
        let Linear { input, weights, output, .. } = self.linear;
        let products = self.sum - self.integer_bias;
        let multiplier = self.linear.multiplier();
        let steps = multiplier * f64::from(self.sum);
        let integer = self.linear.requantize(self.sum);
        let dequantized = output.dequantize(integer);
        let row = |what: &str, numbers: String, result: String| [what.into(), numbers, result];
        let mut rows = vec![
            row(
                "in real numbers: Σ x·w + b",
                format!("{:.4} + {:.4}", self.real - self.bias, self.bias),
                format!("{:.4}", self.real),
            ),
            row(
                "products of integers: Σ (q_x − Z_x)·q_w",
                format!("{} products", self.inputs),
                integer_text(products),
            ),
            row(
                "bias in the same steps: round(b / (S_x·S_w))",
                format!("round({:.4} / ({:.6} · {:.6}))", self.bias, input.scale, weights.scale),
                integer_text(self.integer_bias),
            ),
            row(
                "their sum",
                format!("{} + {}", integer_text(products), integer_text(self.integer_bias)),
                integer_text(self.sum),
            ),
            row(
                "in steps of the output: M · sum",
                format!("{multiplier:.8} · {}", integer_text(self.sum)),
                format!("{steps:.4}"),
            ),
            row(
                "rounded, and the zero point added",
                format!("round({steps:.4}) + {}", output.zero_point),
                integer.to_string(),
            ),
            row(
                "what that integer stands for: S_y · (q_y − Z_y)",
                format!("{:.6} · ({integer} − {})", output.scale, output.zero_point),
                format!("{dequantized:.4}, off by {}", short(dequantized - self.real)),
            ),
        ];
        if let Some(fixed) = self.fixed {
            let FixedPoint { multiplier, shift } = fixed;
            rows.push(row(
                "the paper's way, without real numbers: M as an integer and a shift",
                format!("({} · {multiplier} / 2^31) / 2^{shift}", integer_text(self.sum)),
                self.linear.requantize_on_integers(fixed, self.sum).to_string(),
            ));
        }
        let Pytorch { sum, total, multiplier, zero_point, output } = &self.pytorch;
        rows.push(row(
            "PyTorch’s way: the weights by 127.5, the bias real",
            format!("round({total} · {multiplier}) + {zero_point}, where Σ = {}", integer_text(*sum)),
            output.to_string(),
        ));
        Table::new(["step", "with these numbers", "result"], rows)
    }

    pub fn tell(&self) -> String {
        format!(
            "Neuron {} of linear1, test image 0. Its greatest products:\n\n{}\n\n{}",
            self.number,
            self.terms.text(),
            self.steps().text()
        )
    }

    pub fn page(&self) -> Markup {
        html! {
            h3 { "One neuron, step by step" }
            p { "Neuron " (self.number) " answers test image 0 most strongly. These are the greatest of its "
                (self.inputs) " products, first as real numbers, then as integers:" }
            (page::table(&self.terms, ""))
            p { "And this is the way from there to its output:" }
            (page::table(&self.steps(), ""))
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

fn integer_text(integer: i32) -> String {
    let sign = if integer < 0 { "−" } else { "" };
    format!("{sign}{}", thousands(integer.unsigned_abs() as usize))
}
