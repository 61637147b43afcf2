use digit8_core::Kernel;
use digit8_core::compare::{Confusion, batched_logits};
use digit8_core::digits::{PIXELS, normalize};
use digit8_core::quant::dynamic_qparams;
use maud::{Markup, html};

use super::lab::Lab;
use super::network::{Calibrated, Network};
use super::story::Chapter;
use digit8_host::process::typed;
use digit8_host::terminal::{Table, thousands};
use digit8_report::chart::{self, Chart, Histogram, Mark, short};
use digit8_report::page::{self, commands, figures};

/// Dynamic quantization: each image by its own range.
pub struct Dynamic<'a> {
    lab: &'a Lab,
    scales: Table<6>,
    pictures: Vec<Chart>,
    /// Digits read right with all images in one batch.
    as_one_batch: u32,
    one_by_one: u32,
}

/// The scales that an activation gets, image by image, and those that static quantization has fixed.
struct Scales {
    name: &'static str,
    dynamic: Vec<f64>,
    unfused: f64,
    fused: f64,
}

impl<'a> Dynamic<'a> {
    pub fn new(lab: &'a Lab, unfused: &Calibrated, fused: &Calibrated, dynamic: &Network) -> Self {
        let test = &lab.dataset.test;
        let pixels = test.images().chunks_exact(PIXELS).map(|image| {
            let (least, greatest) =
                image.iter().fold((255, 0), |(least, greatest), &p| (p.min(least), p.max(greatest)));
            dynamic_qparams(normalize(least), normalize(greatest)).scale.get().into()
        });
        let hidden = |index: usize| {
            let rows = dynamic.layers[index].rows().into_iter();
            rows.map(|row| {
                let greatest = row.iter().copied().fold(0f32, f32::max);
                f64::from(dynamic_qparams(0.0, greatest).scale.get())
            })
        };
        let (unfused, fused) = (static_scales(unfused), static_scales(fused));
        let named = |index: usize, name, dynamic| Scales {
            name,
            dynamic,
            unfused: unfused[index],
            fused: fused[index],
        };
        let scales = [
            named(0, "input of linear1", pixels.collect()),
            named(1, "input of linear2", hidden(0).collect()),
            named(2, "input of linear3", hidden(1).collect()),
        ];
        let logits = batched_logits(&dynamic.model, Kernel::best(), test.images(), test.len());
        Self {
            lab,
            scales: table(&scales),
            pictures: scales[1..].iter().map(picture).collect(),
            as_one_batch: Confusion::count(&logits, test.labels()).correct(),
            one_by_one: dynamic.confusion.correct(),
        }
    }

    fn batches(&self) -> String {
        format!(
            "One image at a time, {} are read right; all {} as one batch, which share their ranges, {}.",
            thousands(self.one_by_one as usize),
            thousands(self.lab.dataset.test.len()),
            thousands(self.as_one_batch as usize)
        )
    }
}

/// The scales of the three layers' inputs.
fn static_scales(Calibrated { input, outputs, .. }: &Calibrated) -> [f64; 3] {
    [input, &outputs[0], &outputs[1]].map(|qparams| qparams.scale.get().into())
}

fn table(scales: &[Scales]) -> Table<6> {
    let row = |Scales { name, dynamic, unfused, fused }: &Scales| {
        let mut sorted = dynamic.clone();
        sorted.sort_by(f64::total_cmp);
        let at =
            |share: usize| sorted.get(sorted.len().saturating_sub(1) * share / 2).copied().unwrap_or(0.0);
        let figures = [*unfused, *fused, at(0), at(1), at(2)].map(|scale| format!("{scale:.6}"));
        let [unfused, fused, least, median, greatest] = figures;
        [(*name).into(), unfused, fused, least, median, greatest]
    };
    let headings = ["scale", "static", "fused", "dynamic, least", "median", "greatest"];
    Table::new(headings, scales.iter().map(row))
}

fn picture(Scales { name, dynamic, unfused, fused }: &Scales) -> Chart {
    let most = dynamic.iter().copied().fold(unfused.max(*fused), f64::max) * 1.05;
    let counts = chart::count(dynamic.iter().copied(), [0.0, most], 80);
    Histogram {
        title: &format!("Scale of the {name}, image by image"),
        range: [0.0, most],
        counts: &counts,
        logarithmic: false,
        class: "int8",
        marks: vec![
            Mark { at: *fused, label: format!("fused {}", short(*fused)) },
            Mark { at: *unfused, label: format!("static {}", short(*unfused)) },
        ],
        second: Vec::new(),
    }
    .chart()
}

impl Chapter for Dynamic<'_> {
    fn title(&self) -> String {
        "Dynamic quantization".into()
    }

    fn tell(&self) -> String {
        format!(
            "Weights as before; activations by the range that each image turns out to have.\n\n{}\n\n{}",
            self.scales.text(),
            self.batches()
        ) + &self.lab.note().map(|note| format!("\n{note}")).unwrap_or_default()
    }

    fn page(&self) -> Markup {
        let (file, flags) = (typed(&self.lab.file), &self.lab.flags);
        let out = typed(&self.lab.int8_file("dynamic"));
        let quantize = format!("digit8 quantize {file} --scheme dynamic{flags} --out {out}");
        let eval = format!("digit8 eval {out}{flags} --batch 10000");
        let captions = [
            "Each image has a scale of its own; static quantization needs one that suits all, and so must be as coarse as \
             the most extreme image asks for.",
            "The same for linear3.",
        ];
        let pictures = self.pictures.iter().zip(captions);
        html! {
            p { "Without calibration: only the weights are quantized beforehand. At run time each layer’s input is measured, \
                 quantized by its own range, multiplied on integers, and the sums become real numbers again. That gives finer \
                 steps, at the price of finding the range anew in every layer." }
            (page::table(&self.scales, "The scales of each layer’s input"))
            (figures(pictures.map(|(picture, caption)| page::chart(picture, caption))))
            p { (self.batches()) }
            @if let Some(note) = self.lab.note() { p.warning { (note) } }
            (commands([&*quantize, &*eval]))
        }
    }
}
