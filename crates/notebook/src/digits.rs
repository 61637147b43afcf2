use anyhow::Context;
use digit8_core::digits::{CLASSES, SIDE, normalize};
use maud::{Markup, html};

use super::lab::Lab;
use super::story::Chapter;
use digit8_host::terminal::thousands;
use digit8_report::chart;
use digit8_report::page::{commands, figure, math};

/// What there is to read.
pub struct Digits<'a> {
    lab: &'a Lab,
    /// The first test image of each label, as pictures.
    samples: Vec<(usize, String)>,
}

impl<'a> Digits<'a> {
    pub fn new(lab: &'a Lab) -> anyhow::Result<Self> {
        let test = &lab.dataset.test;
        let first = |label: usize| test.labels().iter().position(|&other| usize::from(other) == label);
        let samples = (0..CLASSES).filter_map(|label| Some((label, first(label)?)));
        let samples = samples
            .map(|(label, image)| Ok((label, chart::ink(test.image(image), SIDE)?)))
            .collect::<anyhow::Result<_>>()
            .context("cannot draw the digits")?;
        Ok(Self { lab, samples })
    }

    fn counts(&self) -> String {
        let [train, test] = [&self.lab.dataset.train, &self.lab.dataset.test].map(|set| thousands(set.len()));
        format!("{train} to train with, {test} to test with")
    }
}

impl Chapter for Digits<'_> {
    fn title(&self) -> String {
        "The digits".into()
    }

    fn tell(&self) -> String {
        let dataset = &self.lab.dataset;
        let label = dataset.test.labels()[0];
        let note = self.lab.note().map(|note| format!("{note}\n")).unwrap_or_default();
        format!(
            "Read {}: {}.\n{note}\nTest image 0, which is {}:\n\n{}",
            dataset.origin,
            self.counts(),
            label,
            half_blocks(dataset.test.image(0))
        )
    }

    fn page(&self) -> Markup {
        let pictures = html! {
            div.digits { @for (label, uri) in &self.samples {
                img.ink src=(uri) alt={ "A " (label) };
            } }
        };
        html! {
            p { (self.lab.dataset.origin) ": " (self.counts()) "." }
            @if let Some(note) = self.lab.note() { p.warning { (note) } }
            (figure(&pictures, "The first test image of each digit: 28 × 28 pixels, from 0 for paper to 255 for ink."))
            p { "The network sees a pixel as a real number near 0, which makes training easier. The two constants are the \
                 mean and the standard deviation of MNIST’s training pixels." }
            p.formula { var { "x" } " = (pixel / 255 − 0.1307) / 0.3081" }
            p { (math(&format!("So paper becomes {:.4} and ink {:.4}.", normalize(0), normalize(255)))) }
            (commands([&*format!("digit8 data{}", self.lab.flags)]))
        }
    }
}

/// An image for the terminal: two rows of pixels to a line.
fn half_blocks(pixels: &[u8]) -> String {
    let dark = |row: usize, column: usize| pixels[row * SIDE + column] >= 96;
    let block = |row: usize, column: usize| match (dark(row, column), dark(row + 1, column)) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    };
    let line = |row: usize| (0..SIDE).map(|column| block(row, column)).collect::<String>();
    let lines = (0..SIDE).step_by(2).map(|row| format!("  {}", line(row)).trim_end().to_owned());
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}
