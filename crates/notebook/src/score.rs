use maud::{Markup, html};

use super::lab::Lab;
use super::network::{Network, scores};
use super::story::Chapter;
use digit8_host::process::typed;
use digit8_host::terminal::{Table, thousands};
use digit8_report::chart::{Bar, Group, bars};
use digit8_report::page::{self, commands};

/// Size and accuracy of networks side by side, the float network first.
pub struct Score<'a> {
    title: &'static str,
    lab: &'a Lab,
    networks: &'a [&'a Network],
}

/// What the last columns of the table count.
const LEGEND: &str = "Of the digits that are read differently from float32: gained are those it read wrong and this network reads \
                      right, lost the reverse, and otherwise are wrong both times.";

impl<'a> Score<'a> {
    pub fn new(title: &'static str, lab: &'a Lab, networks: &'a [&'a Network]) -> Self {
        Self { title, lab, networks }
    }

    fn table(&self) -> Table<8> {
        scores(self.networks, self.lab.dataset.test.labels())
    }
}

impl Chapter for Score<'_> {
    fn title(&self) -> String {
        self.title.into()
    }

    fn tell(&self) -> String {
        let note = self.lab.note().map(|note| format!("\n\n{note}")).unwrap_or_default();
        format!("{}\n\n{LEGEND}{note}", self.table().text())
    }

    fn page(&self) -> Markup {
        let bar = |network: &&Network, value: f64, text: String| Bar {
            label: network.name.into(),
            value,
            text,
            class: network.class(),
        };
        let sizes = self
            .networks
            .iter()
            .map(|network| bar(network, network.bytes as f64, format!("{} bytes", thousands(network.bytes))));
        let wrong = self.networks.iter().map(|network| {
            let wrong = network.confusion.total() - network.confusion.correct();
            bar(network, wrong.into(), thousands(wrong as usize))
        });
        let one = |bars: Vec<Bar>| [Group { label: String::new(), bars }];
        let files = self.networks.iter().map(|network| match network.class() {
            "float" => typed(&self.lab.file),
            _ => typed(&self.lab.int8_file(network.name)),
        });
        let eval = format!("digit8 eval {}{}", files.collect::<Vec<_>>().join(" "), self.lab.flags);
        html! {
            (page::table(&self.table(), &format!("Files and accuracies. {LEGEND}")))
            @if let Some(note) = self.lab.note() { p.warning { (note) } }
            (page::figures([
                page::chart(&bars("Bytes of each file", &one(sizes.collect()), false), "The files: a weight takes one byte \
                    instead of four; names, shapes and biases stay as they are."),
                page::chart(&bars("Digits read wrong", &one(wrong.collect()), false), "Digits read wrong: where rounding \
                    moves a close decision, it may as well move it to the right side."),
            ]))
            (commands([&*eval]))
        }
    }
}

/// The report's first lines: what became of size and accuracy.
pub fn summary(lab: &Lab, networks: &[&Network]) -> Markup {
    html! {
        p.lead { "A network that reads handwritten digits, trained in float32, and quantized to int8 in three ways: each step \
                  with its formulas, its actual numbers, and what it costs." }
        ul.cards { @for network in networks {
            li class=(network.class()) {
                b { (network.name) }
                span.figure { (format!("{:.2} %", 100.0 * network.confusion.accuracy())) }
                span { (thousands(network.bytes)) " bytes" }
            }
        } }
        p.soft { (lab.dataset.origin) ", " (thousands(lab.dataset.test.len())) " test digits." }
        @if let Some(note) = lab.note() { p.warning { (note) } }
    }
}
