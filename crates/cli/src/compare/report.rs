//! The comparison as a page: the same tables, how large the differences are, and the first digits where the models part.

use digit8_core::digits::PIXELS;
use digit8_host::terminal::{Table, thousands};
use digit8_interchange::compare::Comparison;
use digit8_report::chart::{Bar, Group, bars, ink};
use digit8_report::page::{Section, chart, document, pixels, table, three_figures};
use maud::{Markup, html};

use super::{arithmetic, digits_in_words, steps};

/// The page; `images` are the pixels that were compared, `names` the two models as they were given, with their kinds.
pub fn page(
    comparison: &Comparison,
    names: &[String; 2],
    digits: &str,
    images: &[u8],
) -> anyhow::Result<String> {
    let head = html! {
        p { "A is " code { (names[0]) } ", B is " code { (names[1]) } "; both read " (digits) "." }
        p { (digits_in_words(comparison)) }
    };
    let mut sections = vec![
        Section { title: "Step by step".into(), body: step_by_step(comparison) },
        Section { title: "Why".into(), body: why(comparison) },
    ];
    let first = first_digits(comparison, images)?;
    if !first.is_empty() {
        sections.push(Section { title: "Where they part first".into(), body: three_figures(first) });
    }
    Ok(document("Two models, compared", &head, &sections))
}

fn step_by_step(comparison: &Comparison) -> Markup {
    let of_steps = comparison.steps.iter().map(|step| Bar {
        label: step.name.into(),
        value: 100.0 * step.differing as f64 / step.values.max(1) as f64,
        text: format!("{} of {}", thousands(step.differing), thousands(step.values)),
        class: "int8",
    });
    let group = Group { label: String::new(), bars: of_steps.collect() };
    html! {
        (table(&steps(comparison), "What each step gives: integers where both models have them, else real numbers"))
        (chart(&bars("Share of values that differ, percent", &[group], false), "The share of each step's values that differ, in percent."))
    }
}

fn why(comparison: &Comparison) -> Markup {
    let parameters = comparison.parameters.iter().map(|parameter| {
        let [first, second] = parameter.values.clone();
        [parameter.name.clone(), first, second, parameter.cause.describe().into()]
    });
    let sentences = arithmetic(comparison);
    html! {
        @if comparison.parameters.is_empty() && sentences.is_empty() {
            p { "Weights, scales, zero points and biases are the same, as far as both models have them." }
        }
        @if !comparison.parameters.is_empty() {
            (table(&Table::new(["parameter", "A", "B", "looks like"], parameters), "Parameters that differ, and the known cause that it looks like"))
        }
        @for sentence in sentences { p { (sentence) } }
    }
}

/// A picture of the first digit where each step differs.
fn first_digits(comparison: &Comparison, images: &[u8]) -> anyhow::Result<Vec<Markup>> {
    let places = comparison.steps.iter().filter_map(|step| Some((step.name, step.place?)));
    places
        .map(|(step, place)| {
            let picture = ink(&images[place.image * PIXELS..][..PIXELS], 28)?;
            let caption = format!(
                "{step}: digit {}, neuron {}, {} in A and {} in B.",
                place.image, place.output, place.first, place.second
            );
            Ok(pixels(&picture, &format!("test digit {}", place.image), &caption))
        })
        .collect()
}
