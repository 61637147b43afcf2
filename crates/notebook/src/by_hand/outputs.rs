use digit8_core::Kernel;
use digit8_core::digits::{PIXELS, normalized};
use digit8_core::int8::Values;
use digit8_core::quant::Observations;
use digit8_core::quant::textbook::{Cause, Difference, Hybrid, Linear, differences};
use maud::{Markup, html};

use crate::lab::Lab;
use crate::network::Calibrated;
use digit8_host::progress;
use digit8_host::terminal::{Table, thousands};
use digit8_report::chart::{Bar, Chart, Group, bars};
use digit8_report::page;

/// The first layer's outputs by hand and PyTorch's, and why they differ where they do.
pub struct Outputs {
    by_hand: Vec<i16>,
    pytorch: Vec<i16>,
    /// Outputs of test image 0 that differ.
    differences: Table<5>,
    counts: Counts,
}

/// How many outputs of all test images are not PyTorch's.
struct Counts {
    total: usize,
    by_hand: usize,
    /// By hand, but for one step that is PyTorch's.
    exchanged: [(Cause, usize); 5],
    /// PyTorch's, but for one step that is done by hand.
    left: [(Cause, usize); 5],
    /// By hand on integers alone: those that differ from by hand with real numbers, and those that differ from PyTorch's.
    on_integers: Option<[usize; 2]>,
}

impl Outputs {
    pub fn new(lab: &Lab, linear: &Linear, quantized: &Calibrated) -> anyhow::Result<Self> {
        let Calibrated { int8, seen, .. } = quantized;
        let table = normalized();
        let pixels = lab.dataset.test.image(0);
        let x: Vec<f32> = pixels.iter().map(|&pixel| table[usize::from(pixel)]).collect();
        let sums = linear.sums(&linear.quantize(&x));
        let steps = int8.trace(Kernel::best(), pixels);
        let pytorch = steps.iter().find(|step| step.name == "linear1").map(|step| &step.values);
        let pytorch = pytorch.and_then(Values::as_integers).map(|q| q.iter().map(|&q| q.into()).collect());
        let row = |Difference { output, textbook, pytorch, cures }: Difference| {
            let exact = linear.multiplier() * f64::from(sums[output]) + f64::from(linear.output.zero_point);
            [
                output.to_string(),
                format!("{exact:.4}"),
                textbook.to_string(),
                pytorch.to_string(),
                cures.iter().map(|cure| all_of(cure)).collect::<Vec<_>>().join("; or "),
            ]
        };
        let layer = &lab.mlp.layers()[0];
        let found = differences(layer, seen.quant, seen.linear1, &x)?;
        let headings =
            ["output", "by hand, before rounding", "by hand", "PyTorch", "what makes it PyTorch’s"];
        Ok(Self {
            by_hand: sums.iter().map(|&sum| linear.requantize(sum)).collect(),
            pytorch: pytorch.unwrap_or_default(),
            differences: Table::new(headings, found.into_iter().map(row)),
            counts: Counts::new(lab, seen, linear)?,
        })
    }

    /// How many outputs of test image 0 are equal.
    fn equal(&self) -> usize {
        self.by_hand.iter().zip(&self.pytorch).filter(|(a, b)| a == b).count()
    }

    pub fn tell(&self) -> String {
        let mut text = format!(
            "Outputs of linear1 for test image 0: {} of {} are PyTorch’s.\n",
            self.equal(),
            self.by_hand.len()
        );
        if !self.differences.rows.is_empty() {
            text += &format!("\n{}\n", self.differences.text());
        }
        text + &format!("\n{}\n\n{}", self.counts.sentence(), self.counts.table().text())
    }

    pub fn page(&self) -> Markup {
        let equal = format!("{} of {}", self.equal(), self.by_hand.len());
        html! {
            p { "Test image 0, all outputs of linear1 by hand. " strong { (equal) } " are PyTorch’s; where they are not, \
                 PyTorch’s stands behind." }
            div.cells { @for (by_hand, pytorch) in self.by_hand.iter().zip(&self.pytorch) {
                @if by_hand == pytorch { span { (by_hand) } }
                @else { span.different { (by_hand) " " s { (pytorch) } } }
            } }
            @if !self.differences.rows.is_empty() {
                (page::table(&self.differences, "The outputs that differ, and the fewest steps that make up for it: found by \
                    exchanging each step for PyTorch’s, alone and together with others"))
            }
            p { (self.counts.sentence()) }
            (page::figures([page::chart(&self.counts.chart(), "Outputs that differ from PyTorch’s over all test images, on a \
                logarithmic scale: by hand, and with one step of PyTorch’s in each row.")]))
            (page::table(&self.counts.table(), "Outputs that are not PyTorch’s, with one step exchanged"))
        }
    }
}

impl Counts {
    fn new(lab: &Lab, seen: &Observations, linear: &Linear) -> anyhow::Result<Self> {
        let layer = &lab.mlp.layers()[0];
        let images = || lab.dataset.test.images().chunks_exact(PIXELS);
        let bar = progress::bar((2 + 2 * Cause::ALL.len()) * lab.dataset.test.len(), "Exchanging steps");
        let outputs = |pytorchs: &[Cause]| -> anyhow::Result<Vec<i16>> {
            let hybrid = Hybrid::new(layer, seen.quant, seen.linear1, pytorchs)?;
            let table = hybrid.quantize(&normalized());
            let of_image = |pixels: &[u8]| {
                let inputs: Vec<i16> = pixels.iter().map(|&pixel| table[usize::from(pixel)]).collect();
                bar.inc(1);
                hybrid.outputs(&inputs)
            };
            Ok(images().flat_map(of_image).collect())
        };
        let pytorchs = outputs(&Cause::ALL)?;
        let different = |steps: &[Cause]| -> anyhow::Result<usize> {
            Ok(outputs(steps)?.iter().zip(&pytorchs).filter(|(a, b)| a != b).count())
        };
        let by_hand = outputs(&[])?;
        let on_integers = linear.fixed_point().ok().map(|multiplier| {
            let table = linear.quantize(&normalized());
            let of_image = |pixels: &[u8]| {
                let inputs: Vec<i16> = pixels.iter().map(|&pixel| table[usize::from(pixel)]).collect();
                linear.sums(&inputs)
            };
            let sums = images().flat_map(of_image);
            let mut differ = [0; 2];
            for ((sum, by_hand), pytorchs) in sums.zip(&by_hand).zip(&pytorchs) {
                let output = linear.requantize_on_integers(multiplier, sum);
                differ[0] += usize::from(output != *by_hand);
                differ[1] += usize::from(output != *pytorchs);
            }
            differ
        });
        let mut counts = Self {
            total: pytorchs.len(),
            by_hand: by_hand.iter().zip(&pytorchs).filter(|(a, b)| a != b).count(),
            on_integers,
            exchanged: Cause::ALL.map(|cause| (cause, 0)),
            left: Cause::ALL.map(|cause| (cause, 0)),
        };
        for (cause, count) in &mut counts.exchanged {
            *count = different(&[*cause])?;
        }
        for (cause, count) in &mut counts.left {
            let others: Vec<Cause> = Cause::ALL.into_iter().filter(|other| other != cause).collect();
            *count = different(&others)?;
        }
        bar.finish_and_clear();
        Ok(counts)
    }

    fn sentence(&self) -> String {
        let share = 100.0 * self.by_hand as f64 / self.total.max(1) as f64;
        let mut sentence = format!(
            "Over all test images, {} of {} outputs by hand are not PyTorch’s, {share:.2} %.",
            thousands(self.by_hand),
            thousands(self.total)
        );
        if let Some([by_hand, pytorchs]) = self.on_integers.map(|counts| counts.map(thousands)) {
            sentence += &format!(
                " Requantized on integers alone, the paper’s way, {by_hand} come out otherwise than with a real multiplier, and \
                 {pytorchs} are not PyTorch’s."
            );
        }
        sentence
    }

    fn table(&self) -> Table<3> {
        let rows = self.exchanged.iter().zip(&self.left).map(|((cause, exchanged), (_, left))| {
            [cause.describe().into(), thousands(*exchanged), thousands(*left)]
        });
        Table::new(
            ["step", "this one PyTorch’s, the others by hand", "this one by hand, the others PyTorch’s"],
            rows,
        )
    }

    fn chart(&self) -> Chart {
        let bar = |label: &str, count: usize| Bar {
            label: label.into(),
            value: count as f64,
            text: thousands(count),
            class: "int8",
        };
        let exchanged = self.exchanged.iter().map(|(cause, count)| bar(cause.describe(), *count));
        let all = [bar("by hand", self.by_hand)].into_iter().chain(exchanged).collect();
        bars("Outputs that differ from PyTorch’s", &[Group { label: String::new(), bars: all }], true)
    }
}

fn all_of(cure: &[Cause]) -> String {
    cure.iter().map(|cause| cause.describe()).collect::<Vec<_>>().join(" and ")
}
