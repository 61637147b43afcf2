use digit8_core::digits::normalized;
use digit8_core::quant::{QParams, Range};
use maud::{Markup, html};
use ndarray::Array2;

use super::lab::Lab;
use super::network::Calibrated;
use super::story::Chapter;
use digit8_host::process::typed;
use digit8_host::terminal::{Table, thousands};
use digit8_report::chart::{self, Chart, Histogram, Mark};
use digit8_report::page::{self, commands, figures};
use digit8_report::quantized::{activations_table, weights_table};

/// Static quantization: what the observers saw, and which integers follow.
pub struct Observers<'a> {
    lab: &'a Lab,
    activations: Table<5>,
    weights: Table<5>,
    /// The values of each tensor, under the integers they become.
    pictures: [Chart; 4],
}

impl<'a> Observers<'a> {
    pub fn new(lab: &'a Lab, quantized: &Calibrated) -> Self {
        let Calibrated { int8, seen, input, outputs, .. } = quantized;
        let [linear1, linear2, linear3] = &lab.outputs;
        Self {
            lab,
            activations: activations_table(seen, int8.activations()),
            weights: weights_table(int8),
            pictures: [
                pixels(lab, seen.quant, input),
                layer("linear1", linear1, seen.linear1, &outputs[0]),
                layer("linear2", linear2, seen.linear2, &outputs[1]),
                layer("linear3", linear3, seen.linear3, &outputs[2]),
            ],
        }
    }
}

impl Chapter for Observers<'_> {
    fn title(&self) -> String {
        "Static quantization: what the observers saw".into()
    }

    fn tell(&self) -> String {
        let images = thousands(self.lab.dataset.test.len());
        format!(
            "Calibrated with all {images} test images, as the notebook does.\n\n{}\n\n{}\n\nThe biases stay float32.",
            self.activations.text(),
            self.weights.text()
        )
    }

    fn page(&self) -> Markup {
        let Lab { dataset, flags, file, .. } = self.lab;
        let quantize = format!(
            "digit8 quantize {} --scheme static --calibrate test{flags} --out {}",
            typed(file),
            typed(&self.lab.int8_file("static"))
        );
        let captions = [
            "The pixels. Every value stands above the integer it becomes; most of them are paper.",
            "What linear1 puts out, before ReLU: bell-shaped, with a few values far outside that widen the steps of all.",
            "What linear2 puts out, before ReLU.",
            "The ten logits.",
        ];
        let pictures =
            self.pictures.iter().zip(captions).map(|(picture, caption)| page::chart(picture, caption));
        html! {
            p { "While the float network reads " (thousands(dataset.test.len())) " images, an observer behind each step \
                 remembers the least and the greatest value. Both ends of that range get an integer, 0 and 127, with even \
                 steps between; the real 0 must fall on an integer exactly, its zero point, since paper and ReLU make so \
                 many of them." }
            p.formula {
                var { "S" } " = (max − min) / 127 " span.gap {}
                var { "Z" } " = round(−min / " var { "S" } ") " span.gap {}
                var { "q" } " = round(" var { "r" } " / " var { "S" } ") + " var { "Z" } " " span.gap {}
                var { "r" } " ≈ " var { "S" } " · (" var { "q" } " − " var { "Z" } ")"
            }
            (flow(&["pixels", "quant", "linear1", "relu", "linear2", "relu", "linear3", "dequant", "logits"]))
            (page::table(&self.activations, "Minima and maxima, and the scales and zero points that follow"))
            (figures(pictures))
            p { "Weights are symmetric around 0 and use the whole signed byte, so that their zero point is 0. The biases stay \
                 float32, as in PyTorch: there are few of them, and a product with them is never formed." }
            (page::table(&self.weights, "What the quantized network keeps of the weights"))
            p.soft { "The notebook calibrates with the test images, and so does this report. For an honest estimate of the \
                      accuracy, leave " code { "--calibrate test" } " out: then training images calibrate." }
            (commands([&*quantize]))
        }
    }
}

/// The steps of a network in their order; those on integers stand out.
pub fn flow(steps: &[&str]) -> Markup {
    html! {
        ol.flow { @for step in steps {
            li.real[matches!(*step, "pixels" | "logits")] { (step) }
        } }
    }
}

fn pixels(lab: &Lab, range: Range, qparams: &QParams) -> Chart {
    let table = normalized();
    let images = lab.dataset.test.images();
    let values = images.iter().map(|&pixel| f64::from(table[usize::from(pixel)]));
    histogram("quant", values, range, qparams)
}

/// The values of a layer, under the integers they become.
pub fn layer(name: &str, values: &Array2<f32>, range: Range, qparams: &QParams) -> Chart {
    histogram(name, values.iter().map(|&y| y.into()), range, qparams)
}

fn histogram(name: &str, values: impl Iterator<Item = f64>, range: Range, qparams: &QParams) -> Chart {
    const PARTS: usize = 96;
    let range = [range.min, range.max].map(f64::from);
    let counts = chart::count(values, range, PARTS);
    let labels = [0, 32, 64, 96, 127].map(|q| (f64::from(qparams.dequantize(q)), format!("q = {q}")));
    Histogram {
        title: &format!("{name}: how often each value occurs"),
        range,
        counts: &counts,
        logarithmic: true,
        class: "float",
        marks: vec![Mark { at: 0.0, label: format!("0 is q = {}", qparams.zero_point) }],
        second: labels.into(),
    }
    .chart()
}
