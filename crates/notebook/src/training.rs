use digit8_core::digits::{PIXELS, SIDE};
use maud::{Markup, html};

use super::lab::{Lab, Origin};
use super::network::Network;
use super::story::Chapter;
use digit8_host::process::typed;
use digit8_host::terminal::{Table, thousands};
use digit8_report::chart::{self, short};
use digit8_report::page::{self, commands, figures};

/// The float network: how it was trained, what it weighs and reads.
pub struct Training<'a> {
    lab: &'a Lab,
    float: &'a Network,
    /// Pictures of the weights of the first layer's neurons.
    neurons: String,
}

/// The neurons that are shown, at most, and those in a row.
const SHOWN: usize = 100;
const ROW: usize = 10;

impl<'a> Training<'a> {
    pub fn new(lab: &'a Lab, float: &'a Network) -> anyhow::Result<Self> {
        let weight = &lab.mlp.layers()[0].weight;
        let full = full_colour(weight.iter().copied());
        let shade = |w: f32| f64::from(w) / full;
        let rows = weight.rows().into_iter().take(SHOWN);
        let neurons = rows.map(|row| row.iter().map(|&w| shade(w)).collect()).collect::<Vec<Vec<f64>>>();
        Ok(Self { lab, float, neurons: tiled(&neurons)? })
    }

    fn weights(&self) -> Table<6> {
        let tensors = (1..).zip(self.lab.mlp.layers()).flat_map(|(number, layer)| {
            let shape = layer.weight.dim();
            [
                (
                    format!("linear{number}.weight"),
                    format!("{} × {}", shape.0, shape.1),
                    layer.weight.iter().copied().collect(),
                ),
                (format!("linear{number}.bias"), layer.bias.len().to_string(), layer.bias.to_vec()),
            ]
        });
        let row = |(name, shape, values): (String, String, Vec<f32>)| {
            let count = values.len() as f64;
            let mean = values.iter().map(|&w| f64::from(w)).sum::<f64>() / count;
            let variance = values.iter().map(|&w| (f64::from(w) - mean).powi(2)).sum::<f64>() / count;
            let least = values.iter().copied().fold(f32::INFINITY, f32::min);
            let greatest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let reals = [least.into(), greatest.into(), mean, variance.sqrt()];
            let [least, greatest, mean, deviation] = reals.map(|value: f64| format!("{value:.5}"));
            [name, shape, least, greatest, mean, deviation]
        };
        Table::new(["tensor", "shape", "least", "greatest", "mean", "standard deviation"], tensors.map(row))
    }

    /// How the weights came about, in a sentence.
    fn how(&self) -> String {
        let [h1, h2] = self.lab.mlp.hidden();
        match &self.lab.origin {
            Origin::Trained { seed, losses } => {
                let mean = losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / losses.len() as f64;
                format!(
                    "784-{h1}-{h2}-10 in float32, from random weights of seed {seed}: one epoch of {} digits in random batches \
                     of ten, Adam with a learning rate of 0.001, cross-entropy. Average loss {mean:.5}, of the last batch {:.5}.",
                    thousands(self.lab.dataset.train.len()),
                    losses.last().copied().unwrap_or(0.0)
                )
            }
            Origin::Read => format!("784-{h1}-{h2}-10 in float32, from {}.", self.lab.file.display()),
        }
    }

    /// Size and accuracy, in a sentence.
    fn score(&self) -> String {
        let Network { bytes, confusion, .. } = self.float;
        format!(
            "Its file has {} bytes. It reads {} of {} test digits right: {:.2} %.",
            thousands(*bytes),
            thousands(confusion.correct() as usize),
            thousands(confusion.total() as usize),
            100.0 * confusion.accuracy()
        )
    }
}

impl Chapter for Training<'_> {
    fn title(&self) -> String {
        "The float32 network".into()
    }

    fn tell(&self) -> String {
        let note = self.lab.note().map(|note| format!("\n{note}")).unwrap_or_default();
        format!("{}\n\n{}\n\n{}{note}", self.how(), self.weights().text(), self.score())
    }

    fn page(&self) -> Markup {
        let Lab { mlp, file, flags, .. } = self.lab;
        let shown = mlp.hidden()[0].min(SHOWN);
        let pixels = page::pixels(
            &self.neurons,
            &format!("Weights of {shown} neurons as images"),
            &format!(
                "The weights of {shown} neurons of linear1, each as an image of 28 × 28: ink on an orange pixel speaks for the \
                 neuron, on a blue one against it. Where no digit has ink, there is nothing to learn, and they stay noise."
            ),
        );
        let curve = match &self.lab.origin {
            Origin::Trained { losses, .. } => Some(page::chart(
                &chart::loss_curve(losses, losses.len()),
                "The loss of each batch of ten (faint) and its average (plain), on a logarithmic scale, since it falls \
                 quickly at first and slowly ever after.",
            )),
            Origin::Read => None,
        };
        let train = match &self.lab.origin {
            Origin::Trained { seed, .. } => {
                Some(format!("digit8 train --seed {seed}{flags} --out {}", typed(file)))
            }
            Origin::Read => None,
        };
        let eval = format!("digit8 eval {}{flags}", typed(file));
        html! {
            p { (self.how()) " " strong { (self.score()) } }
            @if let Some(note) = self.lab.note() { p.warning { (note) } }
            (figures(curve.into_iter().chain([pixels])))
            (page::table(&self.weights(), "The weights, all in float32: four bytes each"))
            p.soft { "Most weights lie close to 0: the greatest is many standard deviations away. It alone decides the scale \
                      of the integers, " (short(f64::from(self.widest()))) " standard deviations for 127 steps in linear1." }
            (commands(train.as_deref().into_iter().chain([&*eval])))
        }
    }
}

impl Training<'_> {
    /// The greatest magnitude among linear1's weights, in standard deviations.
    fn widest(&self) -> f32 {
        let weight = &self.lab.mlp.layers()[0].weight;
        let greatest = weight.iter().fold(0f32, |most, w| most.max(w.abs()));
        (greatest / weight.std(0.0).max(f32::MIN_POSITIVE)).round()
    }
}

/// The magnitude that pictures of weights show in full colour. A few weights are far greater than the others: in proportion to
/// them, those would hardly be seen.
pub fn full_colour(weights: impl Iterator<Item = f32>) -> f64 {
    let (sum, count) = weights.fold((0.0, 0), |(sum, count), w| (sum + f64::from(w).powi(2), count + 1));
    4.0 * (sum / f64::from(count.max(1))).sqrt().max(f64::MIN_POSITIVE)
}

/// Images of 28 × 28 numbers from -1 to 1, ten in a row, as one picture.
pub fn tiled(images: &[Vec<f64>]) -> anyhow::Result<String> {
    const STEP: usize = SIDE + 2;
    let columns = images.len().min(ROW);
    let (width, height) = (columns * STEP - 2, images.len().div_ceil(ROW) * STEP - 2);
    let mut pixels = vec![0.0; width * height];
    for (number, image) in images.iter().enumerate() {
        let (top, left) = (number / ROW * STEP, number % ROW * STEP);
        for at in 0..PIXELS {
            pixels[(top + at / SIDE) * width + left + at % SIDE] = image[at];
        }
    }
    chart::signed(&pixels, width)
}
