//! How well a threshold tells digits from what is none.

use digit8_core::Kernel;
use digit8_core::compare::{argmax, logits, softmax};
use digit8_core::digits::{CLASSES, Digits};
use digit8_core::file::Model;
use digit8_core::hand::Hand;
use digit8_core::others::{KEPT_BACK, Kind, TRAINED};
use digit8_core::random::Random;
use digit8_core::stroke::rasterize;
use digit8_core::verdict::{threshold, threshold_refusing};
use digit8_host::terminal::table_of;

use super::Reading;

/// Drawings of each kind that is no digit.
const OF_A_KIND: usize = 100;
/// The share of right answers that may be refused.
const REFUSED: f64 = 0.01;

/// The probabilities of a model's answers.
fn probabilities(model: &Model, pixels: &[u8]) -> Vec<f64> {
    let logits = logits(model, Kernel::best(), pixels);
    logits.as_chunks::<CLASSES>().0.iter().map(|logits| softmax(logits)[argmax(logits)]).collect()
}

/// The probabilities of the answers that are right.
fn of_right_answers(model: &Model, digits: &Digits) -> Vec<f64> {
    let logits = logits(model, Kernel::best(), digits.images());
    let answers = logits.as_chunks::<CLASSES>().0.iter().zip(digits.labels());
    let right = answers.filter(|(logits, label)| argmax(*logits) == usize::from(**label));
    right.map(|(logits, &label)| softmax(logits)[usize::from(label)]).collect()
}

/// Drawings of `kinds`, each by other hands: pixels, [`OF_A_KIND`] of each kind in turn.
fn drawings(kinds: &[Kind]) -> Vec<u8> {
    // As visitors draw them: hardly slanted or stretched.
    let hand = Hand { slant: 12.0, stretch: 1.3, ..Hand::default() };
    let mut random = Random::new(8);
    let mut pixels = Vec::new();
    for kind in kinds {
        for _ in 0..OF_A_KIND {
            let strokes = kind.strokes(&mut random);
            let (strokes, pen) = hand.vary(&strokes, &mut random);
            pixels.extend(rasterize(&strokes, pen).into_iter().flatten());
        }
    }
    pixels
}

/// The greatest threshold that refuses at most [`REFUSED`] of the right answers to each of these sets.
fn chosen(model: &Model, sets: &[(&str, &Digits)]) -> f64 {
    let thresholds =
        sets.iter().map(|(_, digits)| threshold_refusing(REFUSED, of_right_answers(model, digits)));
    thresholds.fold(1.0, f64::min)
}

/// The curve of one model: of right answers to each of the `sets` the share that a threshold refuses, of what is no digit the
/// share that it lets through; and what gets through by kind.
pub fn curve(reading: &Reading, sets: &[(&str, &Digits)]) -> String {
    let model = &reading.model;
    let right: Vec<Vec<f64>> = sets.iter().map(|(_, digits)| of_right_answers(model, digits)).collect();
    let others = [TRAINED, KEPT_BACK].map(|kinds| probabilities(model, &drawings(kinds)));
    let below = |values: &[f64], threshold: f64| {
        let count = values.iter().filter(|&&value| value < threshold).count();
        100.0 * count as f64 / values.len().max(1) as f64
    };
    let used = threshold(&reading.info);
    let steps = (4..20).map(|step| f64::from(step) / 20.0);
    let mut thresholds: Vec<f64> = steps.chain([used, chosen(model, sets)]).collect();
    thresholds.sort_by(f64::total_cmp);
    thresholds.dedup();
    let rows = thresholds.iter().map(|&threshold| {
        let mark = if threshold == used { " (used)" } else { "" };
        let mut row = vec![format!("{threshold:.3}{mark}")];
        row.extend(right.iter().map(|right| format!("{:.2}", below(right, threshold))));
        row.extend(others.iter().map(|others| format!("{:.1}", 100.0 - below(others, threshold))));
        row
    });
    let mut headings = vec!["threshold".to_string()];
    headings.extend(sets.iter().map(|(name, _)| format!("right answers refused, {name}")));
    headings.extend(["trained kinds let through".into(), "other kinds let through".into()]);
    let mut text = table_of(headings, rows);
    text += "\n\nGet through, %:";
    for (name, kinds, values) in [("trained", TRAINED, &others[0]), ("others", KEPT_BACK, &others[1])] {
        let mut through: Vec<(usize, &str)> = kinds
            .iter()
            .zip(values.chunks(OF_A_KIND))
            .map(|(kind, values)| (values.iter().filter(|&&value| value >= used).count(), kind.name))
            .collect();
        through.sort_by_key(|&(count, _)| std::cmp::Reverse(count));
        let listed: Vec<String> = through.iter().map(|(count, kind)| format!("{kind} {count}")).collect();
        text += &format!("\n  {name}: {}", listed.join(", "));
    }
    text
}
