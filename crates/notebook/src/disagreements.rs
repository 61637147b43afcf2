use digit8_core::compare::softmax;
use digit8_core::digits::{CLASSES, SIDE};
use maud::{Markup, html};

use super::lab::Lab;
use super::network::Network;
use super::story::Chapter;
use digit8_host::terminal::{Table, thousands};
use digit8_report::chart;

/// The test digits that the networks do not all read alike.
pub struct Disagreements<'a> {
    lab: &'a Lab,
    networks: &'a [&'a Network],
    images: Vec<usize>,
    pictures: Vec<String>,
    /// The lead of the float network's first guess over its second, in the middle of these digits and of all.
    leads: [f64; 2],
}

/// The digits that are drawn, at most.
const DRAWN: usize = 60;

impl<'a> Disagreements<'a> {
    pub fn new(lab: &'a Lab, networks: &'a [&'a Network]) -> anyhow::Result<Self> {
        let test = &lab.dataset.test;
        let differ = |image: &usize| {
            let first = networks[0].reads(*image).0;
            networks[1..].iter().any(|network| network.reads(*image).0 != first)
        };
        let images: Vec<usize> = (0..test.len()).filter(differ).collect();
        let pictures = images.iter().take(DRAWN).map(|&image| chart::ink(test.image(image), SIDE));
        let pictures = pictures.collect::<anyhow::Result<_>>()?;
        let lead = |image: usize| lead(&networks[0].logits[image * CLASSES..][..CLASSES]);
        let leads = [
            median(images.iter().map(|&image| lead(image)).collect()),
            median((0..test.len()).map(lead).collect()),
        ];
        Ok(Self { lab, networks, images, pictures, leads })
    }

    fn count(&self) -> String {
        let (disputed, all) = (thousands(self.images.len()), thousands(self.lab.dataset.test.len()));
        if self.images.is_empty() {
            return format!("All networks read all {all} digits alike.");
        }
        let [these, every] = self.leads.map(|lead| format!("{:.1} %", 100.0 * lead));
        format!(
            "The networks disagree on {disputed} of {all} digits. They are close decisions: on the median one of them float32 \
             prefers its first guess to its second by {these}, on the median of all digits by {every}."
        )
    }

    /// One of the digits: what each network reads, and how surely.
    fn answers(&self, image: usize) -> Vec<(&'static str, usize, f64)> {
        let answer = |network: &&Network| {
            let (digit, probability) = network.reads(image);
            (network.name, digit, 100.0 * probability)
        };
        self.networks.iter().map(answer).collect()
    }

    fn label(&self, image: usize) -> usize {
        self.lab.dataset.test.labels()[image].into()
    }
}

/// By how much the first guess is likelier than the second.
fn lead(logits: &[f32]) -> f64 {
    let mut probabilities = logits.try_into().map_or([0.0; CLASSES], softmax);
    probabilities.sort_by(f64::total_cmp);
    probabilities[CLASSES - 1] - probabilities[CLASSES - 2]
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

impl Chapter for Disagreements<'_> {
    fn title(&self) -> String {
        "Where the networks disagree".into()
    }

    fn tell(&self) -> String {
        let row = |&image: &usize| {
            let mut answers = self.answers(image).into_iter();
            std::array::from_fn(|column| match column {
                0 => image.to_string(),
                1 => self.label(image).to_string(),
                _ => answers
                    .next()
                    .map(|(_, digit, percent)| format!("{digit} ({percent:.0} %)"))
                    .unwrap_or_default(),
            })
        };
        if self.images.is_empty() {
            return self.count();
        }
        const TOLD: usize = 12;
        let table: Table<6> = Table::new(
            ["test image", "is", "float32", "static", "fused", "dynamic"],
            self.images.iter().take(TOLD).map(row),
        );
        let more = match self.images.len().saturating_sub(TOLD) {
            0 => String::new(),
            more => format!("\n… and {more} more, drawn in the report"),
        };
        format!("{}\n\n{}{more}", self.count(), table.text())
    }

    fn page(&self) -> Markup {
        let left_out = self.images.len() - self.pictures.len();
        html! {
            p { (self.count()) }
            @if let Some(note) = self.lab.note() { p.warning { (note) } }
            div.disputed { @for (&image, picture) in self.images.iter().zip(&self.pictures) {
                @let label = self.label(image);
                figure {
                    img.ink src=(picture) alt={ "Test image " (image) ", a " (label) };
                    figcaption {
                        b { "a " (label) } " " span.soft { "image " (image) }
                        @for (name, digit, percent) in self.answers(image) {
                            br;
                            span.wrong[digit != label] { (name) " " b { (digit) } " " (format!("{percent:.0} %")) }
                        }
                    }
                }
            } }
            @if left_out > 0 { p.soft { "… and " (left_out) " more." } }
        }
    }
}
