use digit8_core::compare::Error;
use maud::{Markup, html};

use super::lab::Lab;
use super::network::Network;
use super::story::Chapter;
use digit8_host::process::typed;
use digit8_host::terminal::Table;
use digit8_report::chart::{Bar, Group, bars, short};
use digit8_report::page::{self, commands};

/// How far each layer of each quantized network is from the float network.
pub struct Errors<'a> {
    lab: &'a Lab,
    /// By layer, then by network.
    errors: Vec<Vec<(&'static str, Error)>>,
}

impl<'a> Errors<'a> {
    pub fn new(lab: &'a Lab, float: &Network, quantized: &[&Network]) -> Self {
        let layer = |index: usize| {
            let between = |network: &&Network| {
                (network.name, Error::between(&float.layers[index], &network.layers[index]))
            };
            quantized.iter().map(between).collect()
        };
        Self { lab, errors: (0..3).map(layer).collect() }
    }

    fn table(&self) -> Table<4> {
        let rows = (1..).zip(&self.errors).flat_map(|(number, networks)| {
            networks.iter().map(move |(name, error)| {
                [
                    format!("linear{number}, {name}"),
                    decibels(error.sqnr),
                    format!("{:.6}", error.cosine),
                    short(error.max),
                ]
            })
        });
        Table::new(["layer and scheme", "SQNR", "cosine", "greatest difference"], rows)
    }
}

fn decibels(sqnr: f64) -> String {
    if sqnr.is_finite() { format!("{sqnr:.2} dB") } else { "∞ dB".into() }
}

impl Chapter for Errors<'_> {
    fn title(&self) -> String {
        "The error, layer by layer".into()
    }

    fn tell(&self) -> String {
        self.table().text()
    }

    fn page(&self) -> Markup {
        let bar = |(name, error): &(&str, Error)| Bar {
            label: (*name).into(),
            value: error.sqnr,
            text: decibels(error.sqnr),
            class: "int8",
        };
        let group = |(number, networks): (usize, &Vec<(&str, Error)>)| Group {
            label: match number {
                1 | 2 => format!("linear{number}, behind ReLU"),
                _ => "linear3, the logits".into(),
            },
            bars: networks.iter().map(bar).collect(),
        };
        let groups: Vec<Group> = (1..).zip(&self.errors).map(group).collect();
        let dump = format!(
            "digit8 dump --model {} --scheme static --calibrate test{} --out {}",
            typed(&self.lab.file),
            self.lab.flags,
            typed(&self.lab.out.join("layers.npz"))
        );
        html! {
            p { "What each layer hands on, as real numbers, over all test images, against the float network. SQNR is signal to \
                 quantization noise: 6 dB more are one bit more. The cosine tells whether the direction is right, the \
                 greatest difference what the worst single value is." }
            p.formula { "SQNR = 10 · log" sub { "10" } "(Σ y" sub { "float" } "² / Σ (y" sub { "float" } " − y" sub { "int8" } ")²)" }
            (page::figures([page::chart(&bars("Signal to quantization noise", &groups, false), "Longer is better. \
                Finer steps are less noise: fused, no integer is spent on what ReLU throws away; dynamic, each image’s own \
                range is narrower than that of all.")]))
            (page::table(&self.table(), "Error against float32"))
            (commands([&*dump]))
        }
    }
}
