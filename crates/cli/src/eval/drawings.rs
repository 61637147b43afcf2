//! What models make of drawings: by writer, slanted and stretched, and as a page with every misread one.

use std::collections::BTreeMap;

use digit8_core::Kernel;
use digit8_core::compare::{Confusion, argmax, logits, softmax};
use digit8_core::digits::CLASSES;
use digit8_core::pens::Drawing;
use digit8_core::stroke::Point;
use digit8_data::strokes::images;
use digit8_host::terminal::table_of;
use digit8_report::interval::with_interval;
use digit8_report::misread::{self, Answer, Misread};

use super::Reading;

/// What is done to a drawing, in words, and to each of its points.
type Change = (&'static str, fn(Point) -> Point);

/// The drawings as somebody else might have made them.
const CHANGES: [Change; 9] = [
    ("as drawn", |point| point),
    ("slanted by -30°", |point| slanted(point, -30.0)),
    ("slanted by -15°", |point| slanted(point, -15.0)),
    ("slanted by 15°", |point| slanted(point, 15.0)),
    ("slanted by 30°", |point| slanted(point, 30.0)),
    ("a third as wide", |point| Point { x: point.x / 3.0, ..point }),
    ("half as wide", |point| Point { x: point.x / 2.0, ..point }),
    ("twice as wide", |point| Point { x: point.x * 2.0, ..point }),
    ("three times as wide", |point| Point { x: point.x * 3.0, ..point }),
];

/// A point with its drawing leaning to the right.
fn slanted(point: Point, degrees: f32) -> Point {
    Point { x: point.x - degrees.to_radians().tan() * point.y, ..point }
}

/// A row of a table of several models.
fn cells(first: String, rest: impl Iterator<Item = String>) -> Vec<String> {
    std::iter::once(first).chain(rest).collect()
}

/// The share read right of each writer's drawings, with intervals.
pub fn by_writer(readings: &[Reading], drawings: &[Drawing]) -> String {
    let mut writers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, drawing) in drawings.iter().enumerate() {
        writers.entry(drawing.writer.as_deref().unwrap_or("unknown")).or_default().push(at);
    }
    let rows = writers.into_iter().map(|(writer, of_writer)| {
        let right = readings.iter().map(|reading| {
            let right = of_writer.iter().filter(|&&at| reading.answer(at) == usize::from(drawings[at].label));
            with_interval(right.count() as u32, of_writer.len() as u32)
        });
        cells(writer.into(), right)
    });
    columns("writer", readings, rows)
}

/// The share read right of the drawings slanted and stretched, with intervals.
pub fn by_change(readings: &[Reading], drawings: &[Drawing]) -> anyhow::Result<String> {
    let mut rows = Vec::new();
    for (name, change) in CHANGES {
        let digits = images(drawings, change)?;
        let right = readings.iter().map(|reading| {
            let logits = logits(&reading.model, Kernel::best(), digits.images());
            let confusion = Confusion::count(&logits, digits.labels());
            with_interval(confusion.correct(), confusion.total())
        });
        rows.push(cells(name.into(), right));
    }
    Ok(columns("drawings", readings, rows))
}

/// A table with a column for each model.
fn columns(first: &str, readings: &[Reading], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let headings = cells(first.into(), readings.iter().map(|reading| reading.name.clone()));
    table_of(headings, rows)
}

/// A page with every drawing that any of the models misreads: what it is, and what each answers with which probability.
pub fn misread_page(readings: &[Reading], drawings: &[Drawing]) -> anyhow::Result<String> {
    let digits = images(drawings, |point| point)?;
    let misread = drawings.iter().enumerate().filter(|(at, drawing)| {
        readings.iter().any(|reading| reading.answer(*at) != usize::from(drawing.label))
    });
    let misread: Vec<Misread> = misread
        .map(|(at, drawing)| Misread {
            pixels: digits.image(at),
            label: drawing.label,
            writer: drawing.writer.as_deref(),
            answers: readings.iter().map(|reading| reading.named_answer(at)).collect(),
        })
        .collect();
    misread::page(&misread, drawings.len())
}

impl Reading {
    /// The logits of image `at`.
    fn logits(&self, at: usize) -> &[f32; CLASSES] {
        &self.logits.as_chunks().0[at]
    }

    /// The model's name, its answer to image `at`, and with which probability.
    fn named_answer(&self, at: usize) -> Answer<'_> {
        let digit = self.answer(at);
        let model = self.name.trim_end_matches(".safetensors");
        Answer { model, digit, probability: softmax(self.logits(at))[digit] }
    }

    /// The digit that image `at` is read as.
    fn answer(&self, at: usize) -> usize {
        argmax(self.logits(at))
    }
}
