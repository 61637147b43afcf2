//! The first layer by hand, as the textbook has it, against PyTorch's.

mod neuron;
mod outputs;
mod parameters;

use digit8_core::int8::QuantizedMlp;
use digit8_core::quant::textbook::Linear;
use maud::{Markup, html};

use super::lab::Lab;
use super::network::Calibrated;
use super::story::Chapter;
use digit8_host::terminal::{Table, thousands};
use digit8_report::chart::Chart;
use digit8_report::page::{self, commands};
use neuron::Neuron;
pub use outputs::Outputs;
pub use parameters::{against_pytorch, linear1};

/// The chapter.
pub struct ByHand {
    kinds: Table<7>,
    rulers: Vec<Chart>,
    parameters: Table<4>,
    weights: String,
    neuron: Neuron,
    outputs: Outputs,
}

impl ByHand {
    pub fn new(lab: &Lab, quantized: &Calibrated) -> anyhow::Result<Self> {
        let linear = linear1(lab, &quantized.seen)?;
        Ok(Self {
            kinds: parameters::both_kinds(lab, &quantized.seen)?,
            rulers: parameters::both_rulers(lab, &quantized.seen)?,
            parameters: against_pytorch(&linear, quantized),
            weights: weights_equal(&linear, &quantized.int8),
            neuron: Neuron::new(lab, &linear, quantized),
            outputs: Outputs::new(lab, &linear, quantized)?,
        })
    }
}

/// How many weights are the same integers.
fn weights_equal(linear: &Linear, int8: &QuantizedMlp) -> String {
    let pytorchs = &int8.layers()[0].weight;
    let equal = linear.weight.iter().zip(pytorchs).filter(|&(&a, &b)| a == i16::from(b)).count();
    format!("{} of {} weights are the same integers.", thousands(equal), thousands(pytorchs.len()))
}

impl Chapter for ByHand {
    fn title(&self) -> String {
        "linear1 by hand".into()
    }

    fn tell(&self) -> String {
        format!(
            "{}\n\n{}\n\n{}\n\n{}\n\n{}",
            self.kinds.text(),
            self.parameters.text(),
            self.weights,
            self.neuron.tell(),
            self.outputs.tell()
        )
    }

    fn page(&self) -> Markup {
        let captions = [
            "Each line is an integer, the band where the values lie. Normalised pixels are mostly positive: of the symmetric \
             integers most of the lower half lies outside the band, and is never used.",
            "Weights lie on both sides of 0. What symmetric integers waste here buys simpler sums: those without a zero point.",
        ];
        html! {
            p { "Now the same with nothing hidden: the first layer as the textbook computes it, in float64, with weights of 8 \
                 bits, activations of 7 and a bias of 32." }
            h3 { "Scale and zero point" }
            p { "Symmetric quantization keeps 0 at 0 and spends as many integers below it as above. Affine quantization moves \
                 0 to where it falls, and so wastes none. Sums of products are simpler without a zero point, so weights, \
                 which lie around 0 anyway, are symmetric, and activations affine." }
            p.formula {
                "symmetric: " var { "S" } " = max |" var { "r" } "| / (2" sup { "bits−1" } " − 1), " var { "Z" } " = 0"
                span.gap {}
                "affine: " var { "S" } " = (max − min) / (2" sup { "bits" } " − 1), "
                var { "Z" } " = round(−min / " var { "S" } ")"
            }
            (page::figures(self.rulers.iter().zip(captions).map(|(chart, caption)| page::chart(chart, caption))))
            (page::table(&self.kinds, "Both kinds for the tensors of linear1; the error is the root of the mean squared \
                difference over all test images"))
            (page::table(&self.parameters, "By hand against PyTorch"))
            p { "The weights’ scale is PyTorch’s only to 0.4 %: PyTorch divides the greatest magnitude by 127.5, half the \
                 width of −128 to 127, where the textbook divides by 127. " (self.weights) " Everything else differs by \
                 float32’s rounding alone." }
            (self.neuron.page())
            h3 { "All outputs, and why some differ" }
            (self.outputs.page())
            (commands([
                "cargo doc --package digit8-core --open    # digit8_core::quant::textbook",
                "cargo test --package digit8-core textbook",
            ]))
        }
    }
}
