use digit8_core::quant::QParams;
use maud::{Markup, html};

use super::by_hand::{Outputs, against_pytorch, linear1};
use super::lab::Lab;
use super::network::Calibrated;
use super::observers::{flow, layer};
use super::story::Chapter;
use digit8_host::process::typed;
use digit8_host::terminal::Table;
use digit8_report::chart::Chart;
use digit8_report::page::{self, commands, figures};
use digit8_report::quantized::activations_table;

/// Static quantization with ReLU fused into the layer before it.
pub struct Fusion<'a> {
    lab: &'a Lab,
    activations: Table<5>,
    steps: Table<4>,
    pictures: [Chart; 2],
    parameters: Table<4>,
    outputs: Outputs,
}

impl<'a> Fusion<'a> {
    pub fn new(lab: &'a Lab, unfused: &Calibrated, fused: &Calibrated) -> anyhow::Result<Self> {
        let Calibrated { int8, seen, outputs, .. } = fused;
        let linear = linear1(lab, seen)?;
        let behind_relu = |index: usize| lab.outputs[index].mapv(|y| y.max(0.0));
        Ok(Self {
            lab,
            activations: activations_table(seen, int8.activations()),
            steps: steps(&unfused.outputs, outputs),
            pictures: [
                layer("linear1 + relu", &behind_relu(0), seen.linear1, &outputs[0]),
                layer("linear2 + relu", &behind_relu(1), seen.linear2, &outputs[1]),
            ],
            parameters: against_pytorch(&linear, fused),
            outputs: Outputs::new(lab, &linear, fused)?,
        })
    }
}

/// The width of a step in both schemes.
fn steps(unfused: &[QParams; 3], fused: &[QParams; 3]) -> Table<4> {
    let rows = (1..).zip(unfused.iter().zip(fused)).map(|(number, (unfused, fused))| {
        let times = unfused.scale.get() / fused.scale.get();
        let [unfused, fused] = [unfused, fused].map(|qparams| qparams.scale.to_string());
        [format!("linear{number}"), unfused, fused, format!("{times:.2} times")]
    });
    Table::new(["scale of the output", "unfused", "fused", "finer"], rows)
}

impl Chapter for Fusion<'_> {
    fn title(&self) -> String {
        "The same with ReLU fused".into()
    }

    fn tell(&self) -> String {
        format!(
            "{}\n\n{}\n\n{}\n\n{}",
            self.activations.text(),
            self.steps.text(),
            self.parameters.text(),
            self.outputs.tell()
        )
    }

    fn page(&self) -> Markup {
        let quantize = format!(
            "digit8 quantize {} --scheme fused --calibrate test{} --out {}",
            typed(&self.lab.file),
            self.lab.flags,
            typed(&self.lab.int8_file("fused"))
        );
        let captions = [
            "Behind ReLU nothing is below 0: the same 127 steps cover what is left, and are finer.",
            "The same for linear2.",
        ];
        let pictures = self.pictures.iter().zip(captions);
        html! {
            p { "ReLU throws away everything below 0, so integers for it are wasted. Fused, a linear layer and its ReLU are \
                 one step: the observer sits behind both, the zero point is 0, and clamping to 0, which happens anyway, is \
                 ReLU." }
            (flow(&["pixels", "quant", "linear1 + relu", "linear2 + relu", "linear3", "dequant", "logits"]))
            (page::table(&self.activations, "Minima and maxima, and the scales and zero points that follow"))
            (figures(pictures.map(|(picture, caption)| page::chart(picture, caption))))
            (page::table(&self.steps, "How much finer the steps are"))
            h3 { "By hand again" }
            (page::table(&self.parameters, "By hand against PyTorch"))
            (self.outputs.page())
            (commands([&*quantize]))
        }
    }
}
